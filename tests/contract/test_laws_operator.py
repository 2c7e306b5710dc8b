"""Each law of an operator fails on an operator that breaks it, and says what to do."""

from __future__ import annotations

import threading

import pytest

from tradewind import BaseOperator
from tradewind.connection import Connection
from tradewind.testing import LawBroken, OperatorContract
from tradewind.testing import operator as operator_contract
from tradewind.testing.laws import try_laws


class Good(BaseOperator):
    """Asks a server for something that takes long; the server is a set of threads."""

    template_fields = ("query", "conn_id")
    running: set[threading.Event] = set()

    def __init__(self, *, query, conn_id="nowhere", **kwargs):
        super().__init__(**kwargs)
        self.query = query
        self.conn_id = conn_id

    def execute(self, context):
        self.stop = threading.Event()
        self.running.add(self.stop)
        threading.Event().wait(60)

    def on_kill(self):
        self.running.discard(self.stop)


class MissingField(Good):
    template_fields = ("query", "table")


class TextField(Good):
    template_fields = "query"

    def link_arguments(self):
        """BaseOperator itself would refuse it."""


class Changing(Good):
    def __init__(self, *, query, **kwargs):
        super().__init__(query=query.upper(), **kwargs)


class Checking(Good):
    def __init__(self, *, query, **kwargs):
        super().__init__(query=query, **kwargs)
        if not query.startswith("select"):
            raise ValueError("a query begins with select")


class ChangingTemplates(Good):
    def __init__(self, *, query, **kwargs):
        super().__init__(query=query.replace("{{", "{"), **kwargs)


class Swallowing(Good):
    def __init__(self, *, query, task_id, retries=0, pool=None, execution_timeout=None, owner=None, **kwargs):
        super().__init__(query=query, task_id=task_id)


class Deaf(Good):
    def __init__(self, *, query, **kwargs):
        kwargs.pop("retries", None)
        super().__init__(query=query, **kwargs)


class Asking(Good):
    def __init__(self, *, query, conn_id="nowhere", **kwargs):
        super().__init__(query=query, conn_id=conn_id, **kwargs)
        Connection.get(conn_id)


class Unspeakable(Good):
    retries = float("nan")  # JSON has no such number


class Sharing(Good):
    shared: dict[str, str] = {}

    @property
    def query(self):
        return self.shared["query"]

    @query.setter
    def query(self, value):
        self.shared["query"] = value


class Locked(Good):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.lock = threading.Lock()


class Forgetting(Good):
    def __getstate__(self):
        return {**self.__dict__, "query": None}


class Going(Good):
    def on_kill(self):
        """The server goes on."""


class Swift(Good):
    def execute(self, context):
        """Nothing that takes long."""


CASES = [
    ("template_fields_are_attributes", MissingField, "has the template field 'table', and no attribute of that name"),
    ("template_fields_are_attributes", TextField, "make it a tuple: ('query',)"),
    ("template_fields_are_left_alone", Changing, "makes 'SELECT 1' of query='select 1' in __init__; do so in execute"),
    ("template_fields_are_left_alone", Checking, "refuses a template as query (a query begins with select)"),
    ("template_fields_are_left_alone", ChangingTemplates, "of a template as query; leave it as it is"),
    ("unknown_keywords_are_refused", Swallowing, "swallows keywords that it does not know"),
    ("keywords_of_every_operator_are_taken", Deaf, "was given retries=3 and has 0"),
    ("it_asks_nobody_while_it_is_made", Asking, "cannot be made where its connection is unknown"),
    ("it_survives_the_spec", Unspeakable, "does not read back as it was written"),
    ("it_survives_copying", Sharing, "shares its fields"),
    ("it_survives_pickling", Locked, "make clients in execute, not in __init__"),
    ("it_survives_pickling", Forgetting, "loses fields when it is pickled"),
    ("a_time_limit_stops_its_work", Going, "1 of what Going started goes on on the server after its execution_timeout"),
    ("a_time_limit_stops_its_work", Swift, "is slow_task slow?"),
    (
        "a_clear_stops_its_work",
        Going,
        "1 of what Going started goes on on the server after a clear; stop it in on_kill",
    ),
    ("a_clear_stops_its_work", Swift, "ends as success by a clear"),
]


@pytest.fixture
def given(monkeypatch):
    """What the fixtures of a test class hand over."""
    Good.running.clear()
    yield lambda kind: {"slow_task": kind(task_id="slow", query="select 1"), "count_running": lambda: len(Good.running)}
    Good.running.clear()


def contract(kind):
    return type(
        "Case", (OperatorContract,), {"operator": kind, "arguments": {"query": "select 1"}, "stops_its_work": True}
    )


@pytest.mark.parametrize(("law", "kind", "told"), CASES, ids=[f"{law}-{kind.__name__}" for law, kind, _ in CASES])
def test_a_law_is_broken(given, monkeypatch, law, kind, told):
    monkeypatch.setattr(operator_contract, "_PATIENCE", 0.5)
    method = OperatorContract.laws()[f"test_{law}"]
    arguments = given(kind) if "slow_task" in method.__code__.co_varnames else {}
    with pytest.raises(LawBroken) as raised:
        method(contract(kind)(), **arguments)
    assert told in str(raised.value)


def test_every_law_is_broken_here():
    assert {f"test_{law}" for law, _, _ in CASES} == set(OperatorContract.laws())


def test_a_good_operator_keeps_them_all(given):
    assert [verdict for verdict in try_laws(contract(Good), **given(Good)) if not verdict.kept] == []
