"""Tables and queries of MySQL and MariaDB as ends of transfers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from tradewind.transfer import Reader
from tradewind_mysql.hook import MySqlHook
from tradewind_mysql.table_reader import MySqlTableReader
from tradewind_mysql.table_writer import MySqlCatalogue, MySqlTableWriter
from tradewind_sql.catalogue import Catalogue
from tradewind_sql.endpoints import SqlQuery, SqlTable
from tradewind_sql.hook import DbApiHook
from tradewind_sql.writing import TableWriter


@dataclass(frozen=True, repr=False)
class MySqlQuery(SqlQuery):
    """The rows that a query returns, of MySQL or MariaDB, with its columns' names and types."""

    template_fields: ClassVar[Sequence[str]] = SqlQuery.template_fields
    hook_class: ClassVar[type[DbApiHook]] = MySqlHook
    conn_type: ClassVar[str] = MySqlHook.conn_type
    _: KW_ONLY
    conn_id: str = "mysql_default"


@dataclass(frozen=True, repr=False)
class MySqlTable(SqlTable):
    """A table of MySQL or MariaDB, of a storage engine with transactions (InnoDB). See `SqlTable` for the arguments.

    A table that is replaced stays the table that it is: its rows are deleted and inserted in one transaction, so that
    triggers and foreign keys remain, and readers see the old rows until the commit. Rows go in by LOAD DATA LOCAL where
    server and connection allow it, else by inserts. `create=True` makes the table when all rows have come, right before
    they are put into it: MySQL cannot take that back, so a failure at that very moment leaves the table empty.
    """

    hook_class: ClassVar[type[DbApiHook]] = MySqlHook
    conn_type: ClassVar[str] = MySqlHook.conn_type
    catalogue_class: ClassVar[type[Catalogue]] = MySqlCatalogue
    writer_class: ClassVar[type[TableWriter]] = MySqlTableWriter
    _: KW_ONLY
    conn_id: str = "mysql_default"

    def reader(self) -> Reader:
        hook = self.get_hook()
        return MySqlTableReader(hook, self.table, self.catalogue_class(hook))
