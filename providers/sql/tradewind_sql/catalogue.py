"""What a transfer must know of a table: its columns and their types, and what tells its rows apart.

Here in the way that works for any database that SQLAlchemy knows; databases of ours ask their own catalogues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.transfer import Column, Type
from tradewind_sql.declared import type_of
from tradewind_sql.errors import SqlError

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook


@dataclass(frozen=True)
class TableColumn:
    """A column of a table in a database."""

    column: Column
    declared: str  #: its type, in the words of the database
    generated: bool = False  #: its values are computed: none can be given


def _tuples(cursor: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) if isinstance(row, Mapping) else tuple(row) for row in cursor.fetchall()]


class Catalogue:
    """The columns of tables that one hook reaches."""

    #: Kind -> what the column of a new table is declared as. `decimal` is for those without a precision.
    declarations: ClassVar[Mapping[str, str]] = {
        "any": "text",
        "bool": "boolean",
        "int": "bigint",
        "decimal": "numeric",
        "float": "double precision",
        "text": "text",
        "bytes": "blob",
        "date": "date",
        "time": "time",
        "timestamp": "timestamp",
        "timestamptz": "timestamp with time zone",
        "interval": "interval",
        "uuid": "char(36)",
        "json": "text",
        "array": "text",
    }

    def __init__(self, hook: DbApiHook) -> None:
        self.hook = hook

    def columns(self, table: str) -> list[TableColumn] | None:
        """The columns of a table in their order, None if there is no such table."""
        name, schema = self.hook.dialect.extract_schema_from_table(table)
        if not self.hook.inspector.has_table(name, schema):
            return None
        found = self.hook.dialect.get_columns(table)
        return [
            TableColumn(
                Column(
                    str(one["name"]),
                    type_of(str(one["type"])),
                    nullable=bool(one.get("nullable", True)),
                    optional=one.get("default") is not None or bool(one.get("identity")),
                ),
                str(one["type"]),
                generated=bool(one.get("computed")),
            )
            for one in found
        ]

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query, as tuples whatever cursor the connection chooses."""
        found: Any = self.hook.run(sql, parameters=list(values) or None, handler=_tuples)
        return list(found)

    def require(self, table: str) -> list[TableColumn]:
        """The columns of a table that must be there. Raises SqlError."""
        found = self.columns(table)
        if found is None:
            raise SqlError(f"Connection {self.hook.get_conn_id()!r}: there is no table {table!r}.")
        return found

    def unique_keys(self, table: str) -> list[frozenset[str]] | None:
        """Sets of columns that no two rows have in common; None: nobody knows, the database will tell."""
        return None

    def primary_key(self, table: str) -> list[str]:
        """Its columns, in their order; empty if there is none."""
        return self.hook.dialect.get_primary_keys(table)

    def referencing(self, table: str) -> list[str]:
        """Tables with foreign keys to this one, as far as deleting all its rows would touch theirs."""
        return []

    def declaration(self, type: Type, *, key: bool = False) -> str:
        """What a column of this type is declared as in a new table; `key`: it is part of the primary key."""
        if type.kind == "decimal" and type.precision is not None:
            return f"{self.declarations['decimal']}({type.precision},{type.scale or 0})"
        return self.declarations[type.kind]

    def kept(self, type: Type, *, key: bool = False) -> Type:
        """The type that the values of such a column have when they are read again."""
        return type_of(self.declaration(type, key=key))

    def create_table(self, name: str, columns: Sequence[Column], keys: Sequence[str]) -> str:
        """The statement that makes a table; `name` is quoted."""
        quote = self.hook.dialect.quote
        parts = [f"{quote(one.name)} {self.declaration(one.type, key=one.name in keys)}" for one in columns]
        if keys:
            parts.append(f"PRIMARY KEY ({', '.join(quote(key) for key in keys)})")
        return f"CREATE TABLE {name} ({', '.join(parts)})"
