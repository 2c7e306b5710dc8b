"""Each law of a log store fails on a store that breaks it."""

from __future__ import annotations

import threading
import time

import pytest

from tradewind.errors import LogStoreError
from tradewind.remote import LogStore, StoreUrl
from tradewind.testing import LawBroken, LogStoreContract
from tradewind.testing.laws import try_laws

URL = StoreUrl.parse("memory://here/logs?conn_id=c&option=1", "logs_url")


class Good(LogStore):
    """A store in memory; stores of one class share what they keep."""

    kept = {}
    lock = threading.Lock()

    def put(self, log, chunk, data):
        self.reach()
        with self.lock:
            self.kept[log, chunk] = data

    def chunks(self, log, after=""):
        self.reach()
        with self.lock:
            return sorted(chunk for name, chunk in self.kept if name == log and chunk > after)

    def get(self, log, chunk):
        self.reach()
        if (log, chunk) not in self.kept:
            raise LogStoreError(f"{self.url} has no {log}/{chunk}")
        return self.kept[log, chunk]

    def reach(self):
        if self.url.place == "nowhere":
            raise LogStoreError(f"{self.url} is out of reach")


def put_as_text(self, log, chunk, data):
    self.kept[log, chunk] = data.decode("utf-8", "replace").encode()


def put_short(self, log, chunk, data):
    self.kept[log, chunk] = data[: 1 << 20]


def put_under_a_plain_name(self, log, chunk, data):
    self.kept[log.encode("ascii", "replace").decode(), chunk] = data


def put_if_new(self, log, chunk, data):
    self.kept.setdefault((log, chunk), data)


def put_with_one_hand(self, log, chunk, data):
    """What is at hand is kept under the name that is asked for last."""
    self.kept["at hand"] = data
    time.sleep(0.001)
    self.kept[log, chunk] = self.kept.pop("at hand", b"")


def one_page(self, log, after=""):
    return Good.chunks(self, log, after)[:40]


def unordered(self, log, after=""):
    return Good.chunks(self, log, after)[::-1]


def all_of_them(self, log, after=""):
    return Good.chunks(self, log)


def after_a_chunk_only(self, log, after=""):
    found = Good.chunks(self, log)
    return found if not after else found[found.index(after) + 1 :] if after in found else []


def by_prefix(self, log, after=""):
    return sorted(chunk for name, chunk in self.kept if name.startswith(log) and chunk > after)


def none_is_an_error(self, log, after=""):
    return Good.chunks(self, log, after) or None


def get_raising_key_error(self, log, chunk):
    self.reach()
    return self.kept[log, chunk]


def hang(self):
    if self.url.place == "nowhere":
        time.sleep(0.5)


def refuse_without_a_name(self):
    if self.url.place == "nowhere":
        raise LogStoreError("it is out of reach")


def refuse_oddly(self):
    if self.url.place == "nowhere":
        raise ConnectionRefusedError("no")


#: law, method that is otherwise, what its author is told
CASES = [
    ("a_chunk_comes_back_as_it_was", "put", put_as_text, "or they are changed"),
    ("a_large_chunk_is_kept", "put", put_short, "4 MB is not what was written"),
    ("every_name_is_taken", "put", put_under_a_plain_name, "and not its own one"),
    ("chunks_are_listed_in_order", "chunks", one_page, "50 chunks were written and 40 are listed"),
    ("chunks_are_listed_in_order", "chunks", unordered, "not listed in the order"),
    ("chunks_are_listed_in_order", "chunks", all_of_them, "two chunks come, and not 50"),
    ("chunks_are_listed_in_order", "chunks", after_a_chunk_only, "a text that is no chunk"),
    ("logs_are_kept_apart", "chunks", by_prefix, "has one chunk, and these are listed"),
    ("the_same_chunk_again_takes_its_place", "put", put_if_new, "not what was written last"),
    ("what_is_not_there", "chunks", none_is_an_error, "answer an empty list"),
    ("what_is_not_there", "get", get_raising_key_error, "raises KeyError; raise LogStoreError"),
    ("what_is_not_there", "get", lambda self, log, chunk: b"", "is given all the same"),
    ("many_threads_use_one_store", "put", put_with_one_hand, "get each other's chunks"),
    ("making_one_reaches_nothing", "__repr__", lambda self: "a store", "does not show the URL"),
    ("making_one_reaches_nothing", "__repr__", lambda self: f"{self.url}?{self.url.options}", "the URL's options"),
    ("out_of_reach_is_an_error_in_time", "reach", hang, "takes longer than 0.2 s"),
    ("out_of_reach_is_an_error_in_time", "reach", lambda self: None, "put raises 'nothing'"),
    ("out_of_reach_is_an_error_in_time", "reach", refuse_oddly, "put raises ConnectionRefusedError"),
    ("out_of_reach_is_an_error_in_time", "reach", refuse_without_a_name, "does not name the URL"),
]


class Contract(LogStoreContract):
    __test__ = False
    patience = 0.2


def fixtures(kind):
    kind.kept = {}
    nowhere = StoreUrl.parse("memory://nowhere/logs", "logs_url")
    return {"open_store": lambda: kind(URL), "unreachable": kind(nowhere)}


@pytest.mark.parametrize(
    ("law", "method", "otherwise", "told"), CASES, ids=[f"{law}-{told}" for law, _, _, told in CASES]
)
def test_a_law_is_broken(law, method, otherwise, told):
    given = fixtures(type("Broken", (Good,), {method: otherwise}))
    wanted = given["unreachable" if law.startswith("out_of_reach") else "open_store"]
    with pytest.raises(LawBroken) as raised:
        getattr(Contract(), f"test_{law}")(wanted)
    assert told in str(raised.value)


def test_every_law_is_broken_here():
    assert {f"test_{law}" for law, *_ in CASES} == set(LogStoreContract.laws())


def test_a_good_store_keeps_them_all():
    assert [verdict for verdict in try_laws(Contract, **fixtures(Good)) if not verdict.kept] == []
