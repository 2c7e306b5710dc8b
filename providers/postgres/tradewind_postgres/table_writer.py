"""Writes a table of PostgreSQL for a transfer, with one COPY, in one transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import IO, Any, ClassVar

from tradewind.transfer import Column, CsvWriter, Type
from tradewind_postgres.cursors import plain_cursor
from tradewind_sql.catalogue import Catalogue, TableColumn
from tradewind_sql.declared import type_of
from tradewind_sql.writing import VALUE, TableWriter

#: Bytes that psycopg2 asks for at once.
BLOCK = 1 << 18

_LINE = re.compile(r"^COPY .*, line (\d+)", re.MULTILINE)

_UNIQUE = """
SELECT array_agg(a.attname::text) FROM pg_catalog.pg_index i
CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) AS k (attnum)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = pg_catalog.to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid
"""

_REFERENCING = """
SELECT DISTINCT conrelid::regclass::text FROM pg_catalog.pg_constraint
WHERE contype = 'f' AND confrelid = pg_catalog.to_regclass(%s) AND conrelid <> confrelid AND conparentid = 0 ORDER BY 1
"""


class PostgresCatalogue(Catalogue):
    """What PostgreSQL's catalogue tells."""

    declarations: ClassVar[Mapping[str, str]] = {
        **Catalogue.declarations,
        "bytes": "bytea",
        "uuid": "uuid",
        "json": "jsonb",
        "timestamptz": "timestamptz",
    }

    def columns(self, table: str) -> list[TableColumn] | None:
        if self.ask("SELECT pg_catalog.to_regclass(%s)", [self._quoted(table)]) == [(None,)]:
            return None
        hook: Any = self.hook
        return [
            TableColumn(
                Column(
                    one.name,
                    type_of(one.type),
                    nullable=one.nullable,
                    optional=one.default is not None or bool(one.identity),
                ),
                one.type,
                generated=one.generated,
            )
            for one in hook.dialect.look_up(table).columns
        ]

    def unique_keys(self, table: str) -> list[frozenset[str]]:
        return [frozenset(names) for (names,) in self.ask(_UNIQUE, [self._quoted(table)])]

    def referencing(self, table: str) -> list[str]:
        return [str(name) for (name,) in self.ask(_REFERENCING, [self._quoted(table)])]

    def declaration(self, type: Type, *, key: bool = False) -> str:
        if type.kind == "array":
            return f"{self.declaration(type.item or Type('text'))}[]"
        return super().declaration(type, key=key)

    def _quoted(self, table: str) -> str:
        return self.hook.dialect.table_name(table)


class PostgresTableWriter(TableWriter, CsvWriter):
    """Copies into the table itself where nothing needs to be deleted first, else into a temporary one."""

    stages = True

    def open(self) -> None:
        self.hook.run("SET LOCAL TimeZone = 'UTC'")  # what a moment without a zone means

    def lock(self) -> None:
        """Among transfers only: others may read and write the table all the time."""
        name = f"SELECT coalesce(pg_catalog.to_regclass({VALUE})::oid::text, {VALUE})"
        self.ask(
            f"SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tradewind ' || ({name}), 0))",
            [self.table, self.table],
        )

    def goes_straight(self) -> bool:
        if self.endpoint.mode == "append" or self.known is None:
            return True
        self.lock()
        [(empty,)] = self.ask(f"SELECT NOT EXISTS (SELECT FROM {self.table})")
        return bool(empty)

    def staging_sql(self, columns: Sequence[str]) -> str:
        return f"{super().staging_sql(columns)} ON COMMIT DROP"

    def csv(self, stream: IO[bytes]) -> int:
        hook = self.hook
        names = ", ".join(self.quote(column.name) for column in self.incoming)
        target = self.quoted(self.staging) if self.staging else self.table
        sql = f"COPY {target} ({names}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')"
        if hook.log_sql:
            hook.log.info("Running statement: %s", sql)
        with (
            hook._create_autocommit_connection() as conn,
            hook._explained(sql),
            conn.cursor(cursor_factory=plain_cursor()) as cursor,
        ):
            try:
                hook._attended(conn, lambda: cursor.copy_expert(sql, stream, BLOCK))
            except conn.Error as error:
                found = _LINE.search(error.diag.context or "")
                error.csv_line = int(found[1]) if found else None
                raise
            self.loaded = int(cursor.rowcount)
        return self.loaded

    def insert_sql(self, columns: Sequence[str], values: Sequence[str], source: str = "") -> str:
        select = f"SELECT {', '.join(values)} FROM {source or self.quoted(self.staging)}"
        return f"INSERT INTO {self.table} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE {select}"  # as COPY does

    def upsert(self, columns: Sequence[str], values: Sequence[str], keys: Sequence[str]) -> None:
        joined = ", ".join(keys)
        # Rows that one COPY put into a new table lie there in their order.
        rows = f"SELECT DISTINCT ON ({joined}) * FROM {self.quoted(self.staging)} ORDER BY {joined}, ctid DESC"
        changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in keys)
        action = f"DO UPDATE SET {changes}" if changes else "DO NOTHING"
        insert = self.insert_sql(columns, values, f"({rows}) AS last")
        self.execute(f"{insert} ON CONFLICT ({joined}) {action}", list(self.fixed.values()))
