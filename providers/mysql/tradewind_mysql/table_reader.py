"""Reads tables and queries of MySQL and MariaDB for a transfer: rows stay on the server till they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from tradewind.transfer import Column, Type
from tradewind.transfer.values import Convert, reading
from tradewind_sql.hook import Parameters
from tradewind_sql.reading import QueryReader, TableReader

#: Moments are in UTC, as TIMESTAMP columns are told in the zone of the session.
SESSION = "SET time_zone = '+00:00'"

_BINARY = 63  #: number of the character set of what is no text
_UNSIGNED = 32  #: flag of a column


class _Stored:
    """What PyMySQL gives for some types, as values of transfers."""

    hook: Any

    def _execute(self, stack: ExitStack, sql: str, parameters: Parameters | None) -> Any:
        stack.enter_context(self.hook.session())
        self.hook.run(SESSION)
        return super()._execute(stack, sql, parameters)  # type: ignore[misc]  # a reader comes behind this class

    def _stored(self, column: Column) -> Convert | None:
        kind = column.type.kind
        if kind == "bool":
            return _bool
        if kind in ("int", "text", "float", "json", "any"):
            return None
        return reading(Type("any"), column.type)


class MySqlTableReader(_Stored, TableReader):
    """Reads a table or view."""

    def selected(self, column: Column) -> str:
        name = super().selected(column)
        return f"{name} + 0e0" if column.type.kind == "float" else name  # a FLOAT alone is told with six digits


class MySqlQueryReader(_Stored, QueryReader):
    """Reads what a query returns."""

    def _columns(self, cursor: Any) -> Iterator[Column]:
        for field in cursor.fields:
            yield Column(field.name, _type(field))


def _bool(value: Any) -> bool:
    if isinstance(value, bytes):  # BIT(1)
        value = int.from_bytes(value)
    if value not in (0, 1):
        raise ValueError("a number that is no boolean")
    return bool(value)


def _type(field: Any) -> Type:
    from pymysql.constants import FIELD_TYPE as KINDS

    code = field.type_code
    if code in (KINDS.DECIMAL, KINDS.NEWDECIMAL):
        # The length counts the sign and the point.
        sign = 0 if field.flags & _UNSIGNED else 1
        return Type("decimal", field.length - sign - (1 if field.scale else 0), field.scale)
    if code == KINDS.TINY:
        return Type("bool" if field.length == 1 else "int")
    if code == KINDS.LONGLONG and field.flags & _UNSIGNED:
        return Type("decimal", 20, 0)
    if code == KINDS.BIT:
        return Type("bool" if field.length == 1 else "bytes")
    texts = (KINDS.VARCHAR, KINDS.VAR_STRING, KINDS.STRING, KINDS.BLOB)
    if code in (*texts, KINDS.TINY_BLOB, KINDS.MEDIUM_BLOB, KINDS.LONG_BLOB):
        return Type("bytes" if field.charsetnr == _BINARY else "text")
    return Type(
        {
            **dict.fromkeys((KINDS.SHORT, KINDS.LONG, KINDS.INT24, KINDS.LONGLONG, KINDS.YEAR), "int"),
            **dict.fromkeys((KINDS.FLOAT, KINDS.DOUBLE), "float"),
            KINDS.DATE: "date",
            KINDS.TIME: "time",
            KINDS.DATETIME: "timestamp",
            KINDS.TIMESTAMP: "timestamptz",
            KINDS.JSON: "json",
            KINDS.GEOMETRY: "bytes",
        }.get(code, "any")
    )
