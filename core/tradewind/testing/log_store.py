"""`LogStoreContract`: what is true of every place that logs are uploaded to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from tradewind.errors import LogStoreError
from tradewind.logs import attempt_log_name
from tradewind.remote import LogStore
from tradewind.remote.chunks import Chunk
from tradewind.testing.laws import require
from tradewind.testing.remote_store import RemoteStoreContract

Open = Callable[[], LogStore]

#: Names that have gone wrong somewhere before.
LOGS = tuple(
    attempt_log_name("sales", run_id, task_id, index, 1)
    for run_id in ("scheduled__2025-11-21T00:00:00+00:00", "a b/c%d?e=f&g#h")
    for task_id, index in (("group.load", -1), ("größe 日本", -1), ("mapped", 7), ("..", -1))
)

#: Bytes that are changed by whoever takes them for text.
BYTES = "größe 日本\r\n\0\n".encode() + bytes(range(256))

#: The largest chunk that is ever uploaded, in bytes.
LARGE = 4 << 20

STREAM = "20251121000000123-0123abcd"


class LogStoreContract(RemoteStoreContract, contract=True):
    """Laws of a log store.

        class TestBucket(LogStoreContract):
            @pytest.fixture
            def open_store(self): ...

            @pytest.fixture
            def unreachable(self): ...

    `open_store()` makes one more `LogStore` for the same place: laws read with another than they wrote with, as
    another machine would. `unreachable` is a store whose other side is not there.
    """

    store = LogStore
    error = LogStoreError

    def test_a_chunk_comes_back_as_it_was(self, open_store: Open) -> None:
        """Another machine reads the bytes that were written, of any kind, and of none."""
        store = open_store()
        for number, data in enumerate((BYTES, b"")):
            store.put("d/r/t/1.log", _name(number), data)
            got = open_store().get("d/r/t/1.log", _name(number))
            require(got == data, f"{len(data)} bytes were written and {len(got)} others are read, or they are changed.")

    def test_a_large_chunk_is_kept(self, open_store: Open) -> None:
        """A chunk of 4 MB is kept."""
        data = BYTES * (LARGE // len(BYTES))
        open_store().put("d/r/t/1.log", _name(0), data)
        require(open_store().get("d/r/t/1.log", _name(0)) == data, "A chunk of 4 MB is not what was written.")

    def test_every_name_is_taken(self, open_store: Open) -> None:
        """Logs of ids with unusual characters are kept apart and found."""
        store = open_store()
        for number, log in enumerate(LOGS):
            store.put(log, _name(number), log.encode())
        for number, log in enumerate(LOGS):
            names = open_store().chunks(log)
            require(names == [_name(number)], f"The log {log!r} has the chunks {names} and not its own one.")
            require(open_store().get(log, names[0]) == log.encode(), f"The log {log!r} holds that of another.")

    def test_chunks_are_listed_in_order(self, open_store: Open) -> None:
        """All chunks of a log are listed, in order, however many there are, and those after one of them."""
        store = open_store()
        names = [_name(number) for number in range(self.many)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: store.put("listed/r/t/1.log", name, b"x\n"), reversed(names)))
        got = open_store().chunks("listed/r/t/1.log")
        require(len(got) == len(names), f"{len(names)} chunks were written and {len(got)} are listed.")
        require(got == names, "The chunks are not listed in the order of their names.")
        got = open_store().chunks("listed/r/t/1.log", after=names[-3])
        require(got == names[-2:], f"After the third from the end two chunks come, and not {len(got)}.")
        got = open_store().chunks("listed/r/t/1.log", after=f"{STREAM}.")
        require(got == names, "`after` may be a text that is no chunk: all names that are greater come after it.")

    def test_logs_are_kept_apart(self, open_store: Open) -> None:
        """A log has its own chunks only, whatever the names of others begin with."""
        store = open_store()
        for log in ("apart/r/t/1.log", "apart/r/t/1.log2", "apart/r/t/11.log", "apart/r/t2/1.log", "x/apart/r/t/1.log"):
            store.put(log, _name(0), log.encode())
        got = store.chunks("apart/r/t/1.log")
        require(got == [_name(0)], f"The log has one chunk, and these are listed: {got}.")
        require(store.get("apart/r/t/1.log", got[0]) == b"apart/r/t/1.log", "The chunk is that of another log.")

    def test_the_same_chunk_again_takes_its_place(self, open_store: Open) -> None:
        """A chunk that is uploaded once more, since nobody saw that it had arrived, is there once."""
        store = open_store()
        for data in (b"one", b"another"):
            store.put("again/r/t/1.log", _name(0), data)
        require(
            store.chunks("again/r/t/1.log") == [_name(0)], "A chunk that was written twice is listed twice, or not."
        )
        require(store.get("again/r/t/1.log", _name(0)) == b"another", "It is not what was written last.")

    def test_what_is_not_there(self, open_store: Open) -> None:
        """A log that nothing is kept of has no chunks; a chunk that is not there is a LogStoreError."""
        got = open_store().chunks("d/r/nothing/1.log")
        require(got == [], f"A log that is not there has the chunks {got!r}; answer an empty list.")
        try:
            open_store().get("d/r/nothing/1.log", _name(0))
        except LogStoreError:
            return
        except Exception as error:
            require(False, f"A chunk that is not there raises {type(error).__name__}; raise LogStoreError.")
        require(False, "A chunk that is not there is given all the same; raise LogStoreError.")

    def test_many_threads_use_one_store(self, open_store: Open) -> None:
        """Several threads write and read with one store at the same time."""
        store = open_store()

        def work(number: int) -> bool:
            data = str(number).encode() * 1000
            store.put(f"threads/r/t{number}/1.log", _name(0), data)
            names = store.chunks(f"threads/r/t{number}/1.log")
            return names == [_name(0)] and store.get(f"threads/r/t{number}/1.log", names[0]) == data

        with ThreadPoolExecutor(8) as pool:
            require(all(pool.map(work, range(24))), "Threads that use one store get each other's chunks, or none.")

    def verbs(self, store: LogStore) -> Mapping[str, Callable[[], object]]:
        return {
            "put": lambda: store.put("d/r/t/1.log", _name(0), b"x"),
            "chunks": lambda: store.chunks("d/r/t/1.log"),
            "get": lambda: store.get("d/r/t/1.log", _name(0)),
        }


def _name(number: int) -> str:
    """The name of a chunk; greater numbers come later."""
    return Chunk(STREAM, number * 10, number * 10 + 10).name
