"""Tables and queries of PostgreSQL as ends of transfers. All rows go through COPY, out of the server and into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from tradewind.transfer import Reader
from tradewind_postgres.hook import PostgresHook
from tradewind_postgres.table_reader import PostgresTableReader
from tradewind_postgres.table_writer import PostgresCatalogue, PostgresTableWriter
from tradewind_sql.catalogue import Catalogue
from tradewind_sql.endpoints import SqlQuery, SqlTable
from tradewind_sql.hook import DbApiHook
from tradewind_sql.writing import TableWriter


@dataclass(frozen=True, repr=False)
class PostgresQuery(SqlQuery):
    """The rows that a query (SELECT, VALUES, WITH) returns, of PostgreSQL, with its columns' names and types."""

    template_fields: ClassVar[Sequence[str]] = SqlQuery.template_fields
    hook_class: ClassVar[type[DbApiHook]] = PostgresHook
    conn_type: ClassVar[str] = PostgresHook.conn_type
    _: KW_ONLY
    conn_id: str = "postgres_default"


@dataclass(frozen=True, repr=False)
class PostgresTable(SqlTable):
    """A table of PostgreSQL. See `SqlTable` for the arguments.

    A table that is replaced stays the table that it is: its rows are deleted and inserted in one transaction, so that
    privileges, indexes, views, triggers and foreign keys remain, and readers see the old rows until the commit.
    """

    hook_class: ClassVar[type[DbApiHook]] = PostgresHook
    conn_type: ClassVar[str] = PostgresHook.conn_type
    catalogue_class: ClassVar[type[Catalogue]] = PostgresCatalogue
    writer_class: ClassVar[type[TableWriter]] = PostgresTableWriter
    _: KW_ONLY
    conn_id: str = "postgres_default"

    def reader(self) -> Reader:
        hook = self.get_hook()
        return PostgresTableReader(hook, self.table, self.catalogue_class(hook))
