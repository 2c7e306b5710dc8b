"""Tables of SQLite in transfers.

SQLite keeps any value in any column and has five types of its own. What a column is declared as tells what is meant by
its values; `DECIMAL_TEXT(20,4)` and the like are words of ours for values that only a text keeps exactly.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from tradewind.errors import TransferError
from tradewind.transfer import Batch, Column, Type
from tradewind.transfer.values import json_text, text_of
from tradewind_sql.catalogue import Catalogue, TableColumn
from tradewind_sql.declared import type_of
from tradewind_sql.writing import InsertWriter

#: Digits of a number that SQLite keeps in a column that is not declared as text.
EXACT_DIGITS = 15


class SqliteCatalogue(Catalogue):
    """What SQLite's own pragmas tell."""

    declarations: ClassVar[Mapping[str, str]] = {
        "any": "",
        "bool": "BOOLEAN",
        "int": "INTEGER",
        "decimal": "DECIMAL_TEXT",
        "float": "REAL",
        "text": "TEXT",
        "bytes": "BLOB",
        "date": "DATE",
        "time": "TIME",
        "timestamp": "TIMESTAMP",
        "timestamptz": "TIMESTAMPTZ",
        "interval": "DURATION_TEXT",
        "uuid": "UUID",
        "json": "JSON_TEXT",
        "array": "JSON_TEXT",
    }

    def columns(self, table: str) -> list[TableColumn] | None:
        name, schema = self.hook.dialect.extract_schema_from_table(table)
        found = self.ask(
            'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?) ORDER BY cid',
            (name, schema),
        )
        if not found:
            return None
        keys = [row for row in found if row[4]]
        row_id = keys[0][0] if len(keys) == 1 and keys[0][1].upper() == "INTEGER" else None  # SQLite numbers it itself
        return [
            TableColumn(
                Column(
                    column,
                    type_of(declared),
                    nullable=not not_null and column != row_id,
                    optional=default is not None or column == row_id,
                ),
                declared,
                generated=hidden in (2, 3),
            )
            for column, declared, not_null, default, _, hidden in found
            if hidden != 1
        ]

    def unique_keys(self, table: str) -> list[frozenset[str]]:
        name, schema = self.hook.dialect.extract_schema_from_table(table)
        rows = self.ask(
            "SELECT i.name, c.name FROM pragma_index_list(?1, ?2) i, pragma_index_info(i.name, ?2) c "
            'WHERE i."unique" AND NOT i.partial UNION ALL '
            "SELECT '', name FROM pragma_table_xinfo(?1, ?2) WHERE pk",
            (name, schema),
        )
        found: dict[str, set[str | None]] = {}
        for index, column in rows:
            found.setdefault(index, set()).add(column)
        return [frozenset(map(str, columns)) for columns in found.values() if None not in columns]

    def primary_key(self, table: str) -> list[str]:
        name, schema = self.hook.dialect.extract_schema_from_table(table)
        sql = "SELECT name FROM pragma_table_xinfo(?, ?) WHERE pk ORDER BY pk"
        return [str(row[0]) for row in self.ask(sql, (name, schema))]

    def referencing(self, table: str) -> list[str]:
        [(enforced,)] = self.ask("PRAGMA foreign_keys")
        if not enforced:
            return []
        name, schema = self.hook.dialect.extract_schema_from_table(table)
        others = self.ask(
            f"SELECT name FROM {self.hook.dialect.quote(schema or 'main')}.sqlite_master WHERE type = 'table'"
        )
        sql = 'SELECT count(*) FROM pragma_foreign_key_list(?, ?) WHERE lower("table") = lower(?)'
        return [str(one) for (one,) in others if self.ask(sql, (one, schema, name)) != [(0,)]]


class SqliteTableWriter(InsertWriter):
    """Collects rows in a temporary database of its own, so that the target is locked only while it takes them over."""

    stages = True

    def staging_name(self) -> str:
        return f"temp.tradewind_{secrets.token_hex(8)}"

    def staging_sql(self, columns: Sequence[str]) -> str:
        return f"CREATE TABLE {self.quoted(self.staging)} ({', '.join(columns)})"

    def upsert(self, columns: Sequence[str], values: Sequence[str], keys: Sequence[str]) -> None:
        changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in keys)
        action = f"DO UPDATE SET {changes}" if changes else "DO NOTHING"
        taken = {column.name.lower() for column in self.incoming}
        order = next(name for name in ("rowid", "oid", "_rowid_", *keys) if name not in taken)
        # WHERE true keeps SQLite from reading ON as the condition of a join; rows come in their order.
        select = f"{self.insert_sql(columns, values)} WHERE true ORDER BY {order}"
        self.execute(f"{select} ON CONFLICT ({', '.join(keys)}) {action}", list(self.fixed.values()))

    def rows(self, batches: Iterable[Batch]) -> int:
        own = [place for place, one in enumerate(self.incoming) if one.optional and not one.nullable]
        return super().rows(self._without_null(batches, own) if own else batches)

    def _without_null(self, batches: Iterable[Batch], places: Sequence[int]) -> Iterator[Batch]:
        """SQLite gives a row without a key a number of its own, so that each transfer would add the row once more."""
        before = 0
        for batch in batches:
            for number, row in enumerate(batch, before + 1):
                for place in places:
                    if row[place] is None:
                        name = self.incoming[place].name
                        raise TransferError(f"Row {number}: column {name!r} of {self.endpoint.table} gets no value.")
            before += len(batch)
            yield batch

    def adapter(self, column: Column) -> Callable[[Any], Any] | None:
        return {
            "float": _float,
            "decimal": text_of if _is_text(self.declared(column.name)) else _decimal,
            "interval": text_of,
            "array": json_text,
            "any": lambda value: _any(value, column.type),
        }.get(column.type.kind)


def _is_text(declared: str) -> bool:
    """Whether SQLite leaves texts in a column of this declaration alone (its rules of affinity)."""
    name = declared.upper()
    return "INT" not in name and any(word in name for word in ("CHAR", "CLOB", "TEXT"))


def _float(value: float) -> float:
    if math.isnan(value):
        raise ValueError("gets NaN, which SQLite would keep as NULL")
    return value


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("gets a number that is none (NaN or infinity); declare the column DECIMAL_TEXT to keep it")
    if len(value.normalize().as_tuple().digits) > EXACT_DIGITS:
        raise ValueError(
            f"gets a number of more than {EXACT_DIGITS} digits, which SQLite rounds; declare the column DECIMAL_TEXT"
        )
    return text_of(value)


def _any(value: Any, type: Type) -> Any:
    if isinstance(value, float):
        return _float(value)
    return json_text(value) if isinstance(value, list | tuple | dict) else value
