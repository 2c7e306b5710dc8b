"""PostgreSQL's SQL text: names, statements for COPY, upserts with ON CONFLICT."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn

from tradewind_sql.dialect import Column, Dialect
from tradewind_sql.errors import SqlError

if TYPE_CHECKING:
    from tradewind_postgres.catalogue import Table, TableColumn
    from tradewind_postgres.hook import PostgresHook


class PostgresDialect(Dialect):
    """PostgreSQL: asks the catalogue itself, without SQLAlchemy."""

    hook: PostgresHook

    # Names

    def quoted_columns(self, columns: Iterable[TableColumn]) -> str:
        """`"a", "b"`."""
        return ", ".join(self.quote(column.name) for column in columns)

    # Tables

    def describe(self, conn: Any, table: str, schema: str | None = None) -> Table:
        """What there is to know of a table, asked on `conn`. Raises SqlError if there is none of this name."""
        from tradewind_postgres.catalogue import read_table  # here, so that importing the hook costs little
        from tradewind_postgres.cursors import plain_cursor

        quoted = self.table_name(table, schema)
        with closing(conn.cursor(cursor_factory=plain_cursor())) as cursor:
            try:
                return self.hook._attended(conn, lambda: read_table(cursor, quoted, table))
            except SqlError as error:
                raise SqlError(f"Connection {self.hook.get_conn_id()!r}: {error}") from None

    def look_up(self, table: str, schema: str | None = None) -> Table:
        """`describe`, on a connection of its own or that of the session."""
        with self.hook._create_autocommit_connection() as conn:
            found = self.describe(conn, table, schema)
            self.hook._commit(conn)
        return found

    def get_columns(self, table: str, schema: str | None = None) -> list[Column]:
        return [
            {
                "name": column.name,
                "type": column.type,
                "nullable": column.nullable,
                "default": column.default,
                "primary_key": column.key or 0,
                **({"identity": {"always": column.identity == "a"}} if column.identity else {}),
                **({"computed": {"sqltext": column.default}} if column.generated else {}),
                **({"autoincrement": True} if (column.default or "").startswith("nextval(") else {}),
            }
            for column in self.look_up(table, schema).columns
        ]

    def get_primary_keys(self, table: str, schema: str | None = None) -> list[str]:
        return self.look_up(table, schema).key

    # Statements

    def generate_replace_sql(
        self, table: str, values: Sequence[Any], target_fields: Iterable[str] | None = None, **options: Any
    ) -> str:
        """INSERT ... ON CONFLICT: rows with the same key are updated.

        The key is `replace_index` (a column or several that a unique index covers), by default the primary key.
        `replace_target` names the columns to update, by default all other given ones; if it is empty the old row stays.
        """
        if self.hook.chooses_format(replace=True):
            return self._fill(self.hook.replace_statement_format, table, values, target_fields, options)
        if options.get("replace_index") is None:
            options["replace_index"] = self.get_primary_keys(table, options.get("schema"))
            if not options["replace_index"]:
                self.refuse_without_key(table)
        return self._upsert_sql(table, values, target_fields, **options)

    def refuse_without_key(self, table: str) -> NoReturn:
        raise SqlError(
            f"Table {table} has no primary key: name the columns that tell rows apart with replace_index=, "
            "or conflict_fields= of upsert_rows."
        )

    def insert_sql(self, table: Table, columns: Sequence[TableColumn]) -> str:
        """`INSERT INTO t (a, b)`, also for columns that the database would fill in itself."""
        always = " OVERRIDING SYSTEM VALUE" if any(column.identity == "a" for column in columns) else ""
        return f"INSERT INTO {table.quoted} ({self.quoted_columns(columns)}){always}"

    def copy_in_sql(self, table: Table, columns: Iterable[TableColumn], options: str = "FORMAT text") -> str:
        """COPY from the client, whose data is in UTF-8."""
        return f"COPY {table.quoted} ({self.quoted_columns(columns)}) FROM STDIN ({options}, ENCODING 'UTF8')"

    def copy_out_sql(self, table: Table, options: str = "FORMAT text") -> str:
        """COPY of a whole table or view to the client, but for generated columns, in UTF-8."""
        names = self.quoted_columns(column for column in table.columns if not column.generated)
        source = f"{table.quoted} ({names})" if table.readable else f"(SELECT {names} FROM {table.quoted})"
        return f"COPY {source} TO STDOUT ({options}, ENCODING 'UTF8')"

    def staging_sql(self, name: str, number: str, table: Table, columns: Sequence[TableColumn]) -> list[str]:
        """Statements that make a temporary table for rows on their way into `table`, numbered in `number`."""
        query = f"SELECT {self.quoted_columns(columns)} FROM {table.quoted} WITH NO DATA"
        return [
            f"CREATE TEMPORARY TABLE {name} ON COMMIT DELETE ROWS AS {query}",
            f"ALTER TABLE {name} ADD COLUMN {number} bigint GENERATED ALWAYS AS IDENTITY",
        ]

    def merge_sql(
        self,
        table: Table,
        columns: Sequence[TableColumn],
        source: str,
        number: str,
        key: Sequence[TableColumn],
        changed: Sequence[TableColumn],
    ) -> str:
        """INSERT ... ON CONFLICT from `source`, rows numbered in the column `number`; of those with one key the last.

        With nothing `changed` rows that are there stay as they are, and of those with one key the first one counts.
        """
        names, keys = self.quoted_columns(columns), self.quoted_columns(key)
        insert = f"{self.insert_sql(table, columns)} SELECT {names} FROM"
        if not changed:
            return f"{insert} {source} ORDER BY {number} ON CONFLICT ({keys}) DO NOTHING"
        last = self.quote(unused("tradewind_last", columns))
        missing = "".join(f" OR {self.quote(column.name)} IS NULL" for column in key if column.nullable)
        update = ", ".join(f"{name} = excluded.{name}" for name in (self.quote(column.name) for column in changed))
        return (
            f"{insert} (SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY {number} DESC) = 1 AS {last} "
            f"FROM {source}) AS numbered WHERE {last}{missing} ORDER BY {number} "
            f"ON CONFLICT ({keys}) DO UPDATE SET {update}"
        )


def unused(name: str, columns: Iterable[TableColumn]) -> str:
    """`name`, made longer until none of the columns has it."""
    taken = {column.name for column in columns}
    while name in taken:
        name += "_"
    return name
