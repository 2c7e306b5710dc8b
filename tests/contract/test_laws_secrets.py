"""Each law of a source of connections fails on a source that breaks it."""

from __future__ import annotations

import pytest

from tradewind.secrets import SecretsSource
from tradewind.testing import LawBroken, SecretsContract
from tradewind.testing.laws import try_laws
from tradewind.testing.secrets import CONNECTIONS, VARIABLES


class Good(SecretsSource):
    """A source in memory."""

    name = "memory"

    def __init__(self):
        self.connections, self.variables = dict(CONNECTIONS), dict(VARIABLES)

    def get_conn_value(self, conn_id):
        return self.connections.get(conn_id)

    def get_variable(self, key):
        return self.variables.get(key)

    def conn_ids(self):
        return list(self.connections)

    def variable_keys(self):
        return list(self.variables)

    def set_connection(self, conn_id, value):
        self.connections[conn_id] = value

    def delete_connection(self, conn_id):
        return self.connections.pop(conn_id, None) is not None

    def set_variable(self, key, value, description=None):
        self.variables[key] = value

    def delete_variable(self, key):
        return self.variables.pop(key, None) is not None


#: law, method that is otherwise, what its author is told
CASES = [
    ("connections_are_found", "get_conn_value", lambda self, name: None, "is read as another, or None"),
    (
        "variables_are_found",
        "get_variable",
        lambda self, key: (self.variables.get(key) or "").strip() or None,
        "'empty'",
    ),
    ("what_is_not_there_is_none", "get_variable", lambda self, key: self.variables.get(key, ""), "answer None"),
    ("it_says_where_something_lies", "describe_conn", lambda self, name: "", "does not say where"),
    ("it_says_where_something_lies", "describe_conn", lambda self, name: self.connections[name], "shows a password"),
    ("it_says_where_something_lies", "__repr__", lambda self: str(self.connections), "shows a password"),
    ("it_says_where_something_lies", "explain_missing_conn", lambda self, name: "", "says nothing about what is not"),
    ("it_says_where_something_lies", "conn_places", lambda self, name: {"there": "x"}, "names a place for what is not"),
    ("it_lists_what_it_has", "conn_ids", lambda self: None, "say lists = False"),
    (
        "it_lists_what_it_has",
        "conn_ids",
        lambda self: [*self.connections, "ghost"],
        "lists 'ghost', which is not there",
    ),
    ("it_lists_what_it_has", "conn_ids", lambda self: ["plain"], "leaves out with_dash"),
    ("it_lists_what_it_has", "variable_keys", lambda self: None, "variable_keys leaves out empty"),
    ("it_keeps_what_is_written", "set_connection", lambda self, name, value: None, "does not keep what it is given"),
    ("it_keeps_what_is_written", "delete_connection", lambda self, name: True, "that was deleted is still there"),
    ("it_keeps_what_is_written", "delete_connection", lambda self, name: False, "of one that is there answers True"),
    ("it_keeps_variables", "set_variable", lambda self, key, value: None, "does not keep what it is given"),
    ("it_keeps_variables", "delete_variable", lambda self, key: True, "that was deleted is still there"),
    ("one_that_only_reads_says_so", "set_connection", lambda self, name, value: None, "takes what it cannot keep"),
]


def contract(law):
    return type("Case", (SecretsContract,), {"writes": law != "one_that_only_reads_says_so"})


@pytest.mark.parametrize(
    ("law", "method", "otherwise", "told"), CASES, ids=[f"{law}-{told}" for law, _, _, told in CASES]
)
def test_a_law_is_broken(law, method, otherwise, told):
    source = type("Broken", (Good,), {method: otherwise})()
    with pytest.raises(LawBroken) as raised:
        getattr(contract(law)(), f"test_{law}")(source)
    assert told in str(raised.value)


def test_every_law_is_broken_here():
    assert {f"test_{law}" for law, *_ in CASES} == set(SecretsContract.laws())


def test_a_good_source_keeps_them_all():
    assert [verdict for verdict in try_laws(contract(""), source=Good()) if not verdict.kept] == []
