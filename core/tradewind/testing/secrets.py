"""`SecretsContract`: what is true of every source of connections and variables."""

from __future__ import annotations

from typing import Any, ClassVar

from tradewind.errors import SecretsError
from tradewind.secrets import SecretsSource
from tradewind.testing.examples import SECRET
from tradewind.testing.laws import Contract, fixture, needs, require

#: What a source under test must hold: ids and keys that have gone wrong somewhere before, and what lies there.
CONNECTIONS = {
    "plain": f"generic://user:{SECRET}@host/schema",
    "with-dash": "generic://host/?a=b%26c&d=%C3%A9",
    "with_under_score": '{"conn_type": "generic", "host": "h", "extra": {"a": [1, null]}}',
}
VARIABLES = {"plain": "a value", "with-dash": '{"a": 1}', "empty": "", "unicode": "naïve 日本\nsecond line"}

_NOBODY = "nobody_has_this"


class SecretsContract(Contract, contract=True):
    """Laws of a source of connections and variables.

        class TestVault(SecretsContract):
            @pytest.fixture
            def source(self): ...

    The fixture `source` returns a `SecretsSource` that holds the `CONNECTIONS` and `VARIABLES` of this module.
    """

    #: It has variables, and not only connections.
    has_variables: ClassVar[bool] = True
    #: It can list what it has.
    lists: ClassVar[bool] = True
    #: It can be written to.
    writes: ClassVar[bool] = False
    #: It keeps what is not there apart from what is there and empty.
    has_empty_values: ClassVar[bool] = True

    @fixture
    def source(self) -> Any:
        """A source that holds CONNECTIONS and VARIABLES."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture source")

    # -- reading -------------------------------------------------------------------------------------------------------

    def test_connections_are_found(self, source: SecretsSource) -> None:
        """A connection is given as it was written."""
        for conn_id, value in CONNECTIONS.items():
            got = source.get_conn_value(conn_id)
            require(
                got == value, f"The connection {conn_id!r} was written as one text and is read as another, or None."
            )

    @needs("has_variables")
    def test_variables_are_found(self, source: SecretsSource) -> None:
        """A variable is given as it was written."""
        for key, value in self._variables().items():
            got = source.get_variable(key)
            require(got == value, f"The variable {key!r} is {value!r} and read as {got!r}.")

    def test_what_is_not_there_is_none(self, source: SecretsSource) -> None:
        """What it does not have is None, and no error: the next source is asked then."""
        for ask in (source.get_conn_value, source.get_variable, source.get_config):
            got = ask(_NOBODY)
            require(got is None, f"{ask.__name__} answers {got!r} for what it does not have; answer None.")

    def test_it_says_where_something_lies(self, source: SecretsSource) -> None:
        """It names the place of a value, without the value."""
        for conn_id in CONNECTIONS:
            told = [source.describe_conn(conn_id), *source.conn_places(conn_id), repr(source)]
            require(all(told), f"It does not say where the connection {conn_id!r} lies; see describe_conn.")
            require(SECRET not in " ".join(told), "It shows a password where it names a place; leave the value out.")
        require(source.explain_missing_conn(_NOBODY), "explain_missing_conn says nothing about what is not there.")
        require(source.conn_places(_NOBODY) == {}, "conn_places names a place for what is not there; answer {}.")

    @needs("lists")
    def test_it_lists_what_it_has(self, source: SecretsSource) -> None:
        """Everything that it has is listed, and everything that it lists is there."""
        ids = source.conn_ids()
        require(ids is not None, "conn_ids answers None, that it cannot list; say lists = False, or list them.")
        for conn_id in ids or ():
            require(source.get_conn_value(conn_id) is not None, f"conn_ids lists {conn_id!r}, which is not there.")
        missing = {_as_listed(name) for name in CONNECTIONS} - {_as_listed(name) for name in ids or ()}
        require(not missing, f"conn_ids leaves out {', '.join(sorted(missing))}.")
        if self.has_variables:
            keys = {_as_listed(key) for key in source.variable_keys() or ()}
            missing = {_as_listed(key) for key in self._variables()} - keys
            require(not missing, f"variable_keys leaves out {', '.join(sorted(missing))}.")

    # -- writing -------------------------------------------------------------------------------------------------------

    @needs("writes")
    def test_it_keeps_what_is_written(self, source: SecretsSource) -> None:
        """What is written is read, replaced by what is written next, and gone when it is deleted."""
        for value in (CONNECTIONS["plain"], CONNECTIONS["with_under_score"]):
            source.set_connection("fresh", value)
            require(source.get_conn_value("fresh") == value, "set_connection does not keep what it is given.")
        require(source.delete_connection("fresh") is True, "delete_connection of one that is there answers True.")
        require(source.get_conn_value("fresh") is None, "A connection that was deleted is still there.")
        require(source.delete_connection("fresh") is False, "delete_connection of one that is not there answers False.")

    @needs("writes", "has_variables")
    def test_it_keeps_variables(self, source: SecretsSource) -> None:
        """A variable that is written is read, replaced, and gone when it is deleted."""
        for value in ("one", "two"):
            source.set_variable("fresh", value)
            require(source.get_variable("fresh") == value, "set_variable does not keep what it is given.")
        require(source.delete_variable("fresh") is True, "delete_variable of one that is there answers True.")
        require(source.get_variable("fresh") is None, "A variable that was deleted is still there.")
        require(source.delete_variable("fresh") is False, "delete_variable of one that is not there answers False.")

    @needs("not writes")
    def test_one_that_only_reads_says_so(self, source: SecretsSource) -> None:
        """A source that cannot be written to refuses with SecretsError."""
        for write in (
            lambda: source.set_connection("fresh", CONNECTIONS["plain"]),
            lambda: source.delete_connection("plain"),
            lambda: source.set_variable("fresh", "x"),
            lambda: source.delete_variable("plain"),
        ):
            try:
                write()
            except SecretsError:
                continue
            require(
                False, "It takes what it cannot keep; raise SecretsError (SecretsSource does), or say writes = True."
            )

    def _variables(self) -> dict[str, str]:
        return {key: value for key, value in VARIABLES.items() if value or self.has_empty_values}


def _as_listed(name: str) -> str:
    """Sources that keep names as environment variables know neither case nor dashes."""
    return name.lower().replace("-", "_")
