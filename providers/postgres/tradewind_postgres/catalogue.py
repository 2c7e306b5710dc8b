"""What PostgreSQL's catalogue says of a table.

A name means the table that is really called so, found like any other name through the search path. The catalogue is
asked on the connection that goes on to use the table, so that temporary tables and uncommitted ones are seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tradewind_postgres.encoding import Kind, kind_of
from tradewind_sql import SqlError

#: `relkind` of what COPY can write to: tables, partitioned tables, foreign tables; and of what it can read.
_LOADABLE = frozenset("rpf")
_READABLE = frozenset("r")

_RELATION = """
SELECT c.oid, c.relkind, c.relhasrules, row_security_active(c.oid), has_database_privilege(current_database(), 'TEMP')
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(%s)
"""

# Of a domain the type that it is made from counts, of an array the type of its elements.
_COLUMNS = """
WITH RECURSIVE types AS (
    SELECT oid AS domain, oid, typbasetype, typname, typtype, typcategory, typelem FROM pg_catalog.pg_type
    WHERE oid IN (SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = %(relation)s)
    UNION ALL
    SELECT types.domain, t.oid, t.typbasetype, t.typname, t.typtype, t.typcategory, t.typelem
    FROM types JOIN pg_catalog.pg_type t ON t.oid = types.typbasetype
)
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
    array_position(k.conkey, a.attnum), pg_catalog.format_type(a.atttypid, -1),
    t.typname, t.typtype, t.typcategory, e.typname, e.typtype, e.typcategory
FROM pg_catalog.pg_attribute a
JOIN types t ON t.domain = a.atttypid AND t.typbasetype = 0
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'p'
WHERE a.attrelid = %(relation)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""


@dataclass(frozen=True)
class TableColumn:
    """One column, as far as loading rows needs to know it."""

    name: str
    type: str  #: as `format_type` writes it: "character varying(20)"
    nullable: bool
    default: str | None
    identity: str  #: "a": always, "d": by default, "": it is none
    generated: bool
    key: int | None  #: place in the primary key, from 1
    cast: str  #: the type without length and the like: a cast to `varchar(3)` would cut texts silently
    kind: Kind


@dataclass(frozen=True)
class Table:
    """A table, view or the like."""

    name: str  #: as it was given
    quoted: str  #: ready for a statement
    columns: tuple[TableColumn, ...]
    loadable: bool  #: COPY can write to it, with the same effect as INSERT
    readable: bool  #: COPY can read it by name; else it reads a query
    temporary_tables: bool  #: the login may make some

    @property
    def key(self) -> list[str]:
        """Columns of the primary key, in its order; empty if it has none."""
        columns = sorted((column.key, column.name) for column in self.columns if column.key)
        return [name for _, name in columns]

    def chosen(self, names: Iterable[str]) -> list[TableColumn]:
        """The columns of these names. Raises SqlError for a name that the table does not have."""
        found = {column.name: column for column in self.columns}
        missing = [name for name in names if name not in found]
        if missing:
            raise SqlError(f"Table {self.name} has no column {missing[0]!r}; it has {', '.join(found)}.")
        return [found[name] for name in names]

    def leading(self, width: int) -> list[TableColumn]:
        """The columns that rows of so many values fill when no names are given: the first ones that can be filled."""
        writable = [column for column in self.columns if not column.generated and column.identity != "a"]
        if width > len(writable):
            raise SqlError(
                f"Rows have {width} values, but {self.name} has {len(writable)} columns that can be given a value: "
                f"{', '.join(column.name for column in writable)}. Name the columns with target_fields=."
            )
        return writable[:width]


def read_table(cursor: Any, quoted: str, name: str) -> Table:
    """Ask the catalogue about the table with this quoted name. Raises SqlError if there is none."""
    cursor.execute(_RELATION, (quoted,))
    relation = cursor.fetchone()
    if relation is None:
        raise SqlError(f"There is no table {name}, or not in the search path: names are taken as they are written.")
    oid, kind, rules, secured, temporary = relation
    cursor.execute(_COLUMNS, {"relation": oid})
    columns = tuple(_column(*row) for row in cursor.fetchall())
    plain = not rules and not secured
    return Table(name, quoted, columns, plain and kind in _LOADABLE, plain and kind in _READABLE, bool(temporary))


def _column(*row: Any) -> TableColumn:
    name, type, nullable, default, identity, generated, key, cast, *kind = row
    return TableColumn(name, type, nullable, default, identity, bool(generated), key, cast, kind_of(*kind))
