"""What is MySQL's and MariaDB's own in SQL text: backquotes, upserts, and what a table consists of.

The server's answers to SHOW are used, and not information_schema: that compares names without regard to case, and
might tell of another table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind_sql.dialect import Column, Dialect
from tradewind_sql.errors import SqlError

if TYPE_CHECKING:
    from tradewind_mysql.hook import MySqlHook

#: What an upsert calls the row that could not be inserted; the second if the table has the first one's name.
_NEW_ROW = ("new", "new_row")


class MySqlDialect(Dialect):
    """SQL text for MySQL and MariaDB."""

    hook: MySqlHook
    quotes: ClassVar[Mapping[str, str]] = {"`": "`", '"': '"'}

    def __init__(self, hook: MySqlHook) -> None:
        super().__init__(hook)
        self._checked: set[tuple[str, ...]] = set()  #: tables and keys that `_check_key` has seen

    def get_columns(self, table: str, schema: str | None = None) -> list[Column]:
        """The columns in their order: name, type, nullable, default, primary_key, and what the database fills in."""
        rows = self._show(f"SHOW FULL COLUMNS FROM {self.table_name(table, schema)}")
        return [_column(row) for row in rows]

    def get_primary_keys(self, table: str, schema: str | None = None) -> list[str]:
        return self.get_unique_keys(table, schema).get("PRIMARY", [])

    def get_unique_keys(self, table: str, schema: str | None = None) -> dict[str, list[str]]:
        """Name of each unique index, the primary key's being `PRIMARY` -> its columns in order.

        Indexes on expressions or on the beginning of a column are left out: no list of columns says what they are.
        """
        keys: dict[str, list[str]] = {}
        partial = set()
        for row in self._show(f"SHOW INDEX FROM {self.table_name(table, schema)}"):
            if int(row["Non_unique"]):
                continue
            if row["Column_name"] is None or row["Sub_part"] is not None:
                partial.add(row["Key_name"])
            else:
                keys.setdefault(row["Key_name"], []).append(row["Column_name"])
        return {name: columns for name, columns in keys.items() if name not in partial}

    def get_insertable_fields(self, table: str, schema: str | None = None) -> list[str]:
        """Names of all columns that an INSERT without a list of columns gives values to."""
        own = ("computed", "invisible")
        return self.get_column_names(table, schema, lambda column: not any(column.get(key) for key in own))

    def _show(self, statement: str) -> list[dict[str, Any]]:
        return self.hook.rows_as_dicts(statement)

    # Statements

    def _upsert_sql(
        self,
        table: str,
        values: Sequence[Any],
        target_fields: Iterable[str] | None,
        *,
        replace_index: str | Iterable[str],
        replace_target: Iterable[str] | None = None,
        **options: Any,
    ) -> str:
        schema = options.get("schema")
        fields = list(target_fields or self.get_insertable_fields(table, schema))
        index, changed = self._upsert_columns(fields, replace_index, replace_target)
        self._check_key(table, schema, [self.column_name(name) for name in index])
        insert = self._fill(self.hook.insert_statement_format, table, values, fields, options)
        if not changed:  # not INSERT IGNORE, which would let bad values pass too
            word = self._word(index[0])
            return f"{insert} ON DUPLICATE KEY UPDATE {word} = {word}"
        words = [self._word(field) for field in changed]
        if not self.hook.server.names_new_row:
            return f"{insert} ON DUPLICATE KEY UPDATE " + ", ".join(f"{word} = VALUES({word})" for word in words)
        new = next(name for name in _NEW_ROW if name != self.split_name(table)[-1].casefold())
        return f"{insert} AS {new} ON DUPLICATE KEY UPDATE " + ", ".join(f"{word} = {new}.{word}" for word in words)

    def _compared(self, word: str) -> str:
        return super()._compared(word).casefold()

    def _check_key(self, table: str, schema: str | None, index: list[str]) -> None:
        """Refuse columns that no unique key consists of: MySQL would not notice, and insert every row anew."""
        wanted = tuple(sorted(name.casefold() for name in index))
        if (table, schema or "", *wanted) in self._checked:
            return
        keys = self.get_unique_keys(table, schema)
        found = [tuple(sorted(name.casefold() for name in columns)) for columns in keys.values()]
        if not wanted or wanted not in found:
            known = "; ".join(", ".join(columns) for columns in keys.values())
            raise SqlError(
                f"Connection {self.hook.get_conn_id()!r}: no primary key or unique index of {table} consists of "
                f"{', '.join(index) or 'no column'}; " + (f"there are: {known}." if known else "it has none.")
            )
        if len(keys) > 1:
            self.hook.log.warning(
                "Table %s has %s unique keys: rows that collide in any of them change the old row, not only in %s.",
                table, len(keys), ", ".join(index),
            )  # fmt: skip
        self._checked.add((table, schema or "", *wanted))


def _column(row: Mapping[str, Any]) -> Column:
    extra = (row["Extra"] or "").upper()
    column = {
        "name": row["Field"],
        "type": row["Type"],
        "nullable": row["Null"] == "YES",
        "default": row["Default"],
        "primary_key": row["Key"] == "PRI",
    }
    if "AUTO_INCREMENT" in extra:
        column["autoincrement"] = True
    if "VIRTUAL" in extra or "STORED" in extra or "PERSISTENT" in extra:  # MySQL's DEFAULT_GENERATED is a default
        column["computed"] = True
    if "INVISIBLE" in extra:
        column["invisible"] = True
    return column
