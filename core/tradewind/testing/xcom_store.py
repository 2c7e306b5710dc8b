"""`XComStoreContract`: what is true of every place that large values are kept in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from tradewind.errors import XComError
from tradewind.logs import safe
from tradewind.remote import XComStore
from tradewind.testing.laws import require
from tradewind.testing.remote_store import RemoteStoreContract

Open = Callable[[], XComStore]

#: Names that have gone wrong somewhere before.
NAMES = tuple(f"sales/{safe(part)}/7/load[3]/12-{safe(part)}.json.gz" for part in ("a b/c%d?e=f", "größe 日本", ".."))

#: Bytes that are changed by whoever takes them for text.
BYTES = "größe 日本\r\n\0".encode() + bytes(range(256))

#: A value that is not written in one piece, in bytes.
LARGE = 9 << 20

#: How often a value is replaced while others read it.
REPLACEMENTS = 15


class XComStoreContract(RemoteStoreContract, contract=True):
    """Laws of an XCom store.

        class TestBucket(XComStoreContract):
            @pytest.fixture
            def open_store(self): ...

            @pytest.fixture
            def unreachable(self): ...

    `open_store()` makes one more `XComStore` for the same place: laws read with another than they wrote with, as
    another machine would. `unreachable` is a store whose other side is not there.
    """

    store = XComStore
    error = XComError

    def test_a_value_comes_back_as_it_was(self, open_store: Open) -> None:
        """Another machine reads the bytes that were written, under any name and of any size."""
        store = open_store()
        for name in NAMES:
            store.put(name, name.encode() + BYTES)
        store.put("large", BYTES * (LARGE // len(BYTES)))
        for name in NAMES:
            require(open_store().get(name) == name.encode() + BYTES, f"{name!r} is not what was written.")
        require(open_store().get("large") == BYTES * (LARGE // len(BYTES)), "A value of 9 MB is not what was written.")

    def test_what_is_not_there_is_none(self, open_store: Open) -> None:
        """A value that is not there is None, and deleting it is fine."""
        store = open_store()
        require(store.get("none/r/1/t/1-a.json") is None, "What is not there is given all the same; answer None.")
        store.delete("none/r/1/t/1-a.json")
        require(store.delete_all("none/r/1/") == 0, "delete_all of nothing answers 0.")

    def test_a_value_is_replaced_at_once(self, open_store: Open) -> None:
        """Who reads while a value is replaced gets the one before or the one after, whole."""
        values = [letter * (1 << 20) for letter in (b"a", b"b")]
        store = open_store()
        store.put("d/r/1/t/1-a.json", values[0])
        over = threading.Event()

        def replace() -> None:
            try:
                for number in range(REPLACEMENTS):
                    store.put("d/r/1/t/1-a.json", values[number % 2])
            finally:
                over.set()

        thread = threading.Thread(target=replace, name="replace")
        thread.start()
        reader, strange = open_store(), 0
        while not over.is_set():
            strange += reader.get("d/r/1/t/1-a.json") not in values
        thread.join()
        require(not strange, "Who reads while a value is written gets a part of it, or nothing.")

    def test_a_value_is_deleted(self, open_store: Open) -> None:
        """A value that is deleted is gone, and no other."""
        store = open_store()
        for name in ("one/r/1/t/1-a.json", "one/r/1/t/1-a.json2"):
            store.put(name, b"x")
        store.delete("one/r/1/t/1-a.json")
        require(open_store().get("one/r/1/t/1-a.json") is None, "A value that was deleted is still there.")
        require(open_store().get("one/r/1/t/1-a.json2") == b"x", "Another value than the one named was deleted.")

    def test_a_run_is_deleted(self, open_store: Open) -> None:
        """Every value of a run is deleted, however many, and none of another run."""
        store = open_store()
        names = [f"gone/r/1/t{number}/1-a.json" for number in range(self.many)]
        others = ["gone/r/11/t/1-a.json", "gone/r/2/t/1-a.json", "x/gone/r/1/t/1-a.json"]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: store.put(name, b"x"), (*names, *others)))
            count = open_store().delete_all("gone/r/1/")
            left = [data for data in pool.map(store.get, names) if data is not None]
        require(not left, f"{len(left)} of {len(names)} values are still there.")
        require(count == len(names), f"{len(names)} values were deleted, and delete_all answers {count!r}.")
        require(all(store.get(name) == b"x" for name in others), "Values of other runs were deleted too.")

    def verbs(self, store: XComStore) -> Mapping[str, Callable[[], object]]:
        return {
            "put": lambda: store.put("a", b"x"),
            "get": lambda: store.get("a"),
            "delete": lambda: store.delete("a"),
            "delete_all": lambda: store.delete_all("a/"),
        }
