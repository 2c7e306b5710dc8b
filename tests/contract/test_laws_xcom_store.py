"""Each law of an XCom store fails on a store that breaks it."""

from __future__ import annotations

import time

import pytest

from tradewind.errors import XComError
from tradewind.remote import StoreUrl, XComStore
from tradewind.testing import LawBroken, XComStoreContract
from tradewind.testing.laws import try_laws

URL = StoreUrl.parse("memory://here/values?conn_id=c&option=1", "xcom_store_url")


class Good(XComStore):
    """A store in memory; stores of one class share what they keep."""

    kept = {}

    def put(self, name, data):
        self.reach()
        self.kept[name] = data

    def get(self, name):
        self.reach()
        return self.kept.get(name)

    def delete(self, name):
        self.reach()
        self.kept.pop(name, None)

    def delete_all(self, prefix):
        self.reach()
        found = [name for name in self.kept if name.startswith(prefix)]
        for name in found:
            del self.kept[name]
        return len(found)

    def reach(self):
        if self.url.place == "nowhere":
            raise XComError(f"{self.url} is out of reach")


def put_as_text(self, name, data):
    self.kept[name] = data.decode("utf-8", "replace").encode()


def put_short(self, name, data):
    self.kept[name] = data[: 8 << 20]


def put_in_pieces(self, name, data):
    self.kept[name] = data[:10]
    time.sleep(0.005)
    self.kept[name] = data


def delete_by_prefix(self, name):
    for one in [one for one in self.kept if one.startswith(name)]:
        del self.kept[one]


def delete_a_page(self, prefix):
    for name in [name for name in self.kept if name.startswith(prefix)][:40]:
        del self.kept[name]
    return 50


def delete_without_the_slash(self, prefix):
    return Good.delete_all(self, prefix.rstrip("/"))


def hang(self):
    if self.url.place == "nowhere":
        time.sleep(0.5)


def refuse_without_a_name(self):
    if self.url.place == "nowhere":
        raise XComError("it is out of reach")


def refuse_oddly(self):
    if self.url.place == "nowhere":
        raise ConnectionRefusedError("no")


#: law, method that is otherwise, what its author is told
CASES = [
    ("a_value_comes_back_as_it_was", "put", put_as_text, "is not what was written"),
    ("a_value_comes_back_as_it_was", "put", put_short, "9 MB is not what was written"),
    ("what_is_not_there_is_none", "get", lambda self, name: self.kept.get(name, b""), "answer None"),
    ("what_is_not_there_is_none", "delete_all", lambda self, prefix: None, "answers 0"),
    ("a_value_is_replaced_at_once", "put", put_in_pieces, "gets a part of it"),
    ("a_value_is_deleted", "delete", lambda self, name: None, "is still there"),
    ("a_value_is_deleted", "delete", delete_by_prefix, "Another value than the one named"),
    ("a_run_is_deleted", "delete_all", delete_a_page, "10 of 50 values are still there"),
    ("a_run_is_deleted", "delete_all", lambda self, prefix: Good.delete_all(self, prefix) and 1, "answers 1"),
    ("a_run_is_deleted", "delete_all", delete_without_the_slash, "answers 51"),
    ("making_one_reaches_nothing", "__repr__", lambda self: "a store", "does not show the URL"),
    ("making_one_reaches_nothing", "__repr__", lambda self: f"{self.url}?{self.url.options}", "the URL's options"),
    ("out_of_reach_is_an_error_in_time", "reach", hang, "takes longer than 0.2 s"),
    ("out_of_reach_is_an_error_in_time", "reach", lambda self: None, "put raises 'nothing'"),
    ("out_of_reach_is_an_error_in_time", "reach", refuse_oddly, "put raises ConnectionRefusedError"),
    ("out_of_reach_is_an_error_in_time", "reach", refuse_without_a_name, "does not name the URL"),
]


class Contract(XComStoreContract):
    __test__ = False
    patience = 0.2


def fixtures(kind):
    kind.kept = {}
    nowhere = StoreUrl.parse("memory://nowhere/values", "xcom_store_url")
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
    assert {f"test_{law}" for law, *_ in CASES} == set(XComStoreContract.laws())


def test_a_good_store_keeps_them_all():
    assert [verdict for verdict in try_laws(Contract, **fixtures(Good)) if not verdict.kept] == []
