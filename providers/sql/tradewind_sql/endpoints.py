"""Tables and queries as ends of transfers, for any database that has a `DbApiHook`, and for SQLite.

Other providers derive theirs from `SqlTable` and `SqlQuery`, with the hook, catalogue, reader and writer of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

from tradewind.errors import DagError
from tradewind.hook import BaseHook
from tradewind.transfer import Reader, Sink, Source, Writer
from tradewind_sql.catalogue import Catalogue
from tradewind_sql.errors import SqlError
from tradewind_sql.hook import DbApiHook, Parameters
from tradewind_sql.reading import TableReader
from tradewind_sql.sqlite import SqliteHook
from tradewind_sql.sqlite_tables import SqliteCatalogue, SqliteTableWriter
from tradewind_sql.writing import InsertWriter, TableWriter


def _hook(endpoint: Any, wanted: type[DbApiHook]) -> DbApiHook:
    hook = BaseHook.get_hook(endpoint.conn_id)
    if not isinstance(hook, wanted):
        raise SqlError(
            f"{type(endpoint).__name__} needs a connection for {wanted.__name__}; {endpoint.conn_id!r} is one for "
            f"{type(hook).__name__}."
        )
    return hook


def _check_conn_id(endpoint: Any) -> None:
    if not endpoint.conn_id:
        raise DagError(f"{type(endpoint).__name__} names no connection: pass conn_id=.")


@dataclass(frozen=True, repr=False)
class SqlQuery(Source):
    """The rows that a query returns, with its columns' names. `sql` may be the name of a `.sql` file.

    How much is known of the columns' types depends on the driver; what is not known is taken as it comes.
    """

    template_fields: ClassVar[Sequence[str]] = ("sql", "parameters", "conn_id")
    hook_class: ClassVar[type[DbApiHook]] = DbApiHook
    conn_type: ClassVar[str] = ""  #: of its connection; empty: any that runs SQL

    sql: str
    _: KW_ONLY
    conn_id: str = ""
    parameters: Parameters | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check_conn_id(self)

    def get_hook(self) -> DbApiHook:
        return _hook(self, self.hook_class)

    def reader(self) -> Reader:
        return self.get_hook().query_reader(self.sql, self.parameters)


@dataclass(frozen=True, repr=False)
class SqlTable(Source, Sink):
    """A table, as a source or as a sink.

    - `table`: its name, with the schema if it needs one: `analytics.nps`, `analytics."my table"`.
    - `mode`, of a sink. `replace`: its rows are those of the source and no others. `upsert`: a row with the `keys` of
      an old one takes its place, of several in the source the last one counts. `append`: rows are added, after those
      of `partition` were deleted. Without a partition nothing tells the rows of an earlier try apart, so that a task
      that is run again adds them again.
    - `keys`: columns that tell rows apart; a primary key or unique index must be over just them.
    - `partition`: column -> value (templates, such as `{"day": "{{ ds }}"}`). All rows must belong to it; a column that
      the source does not have gets the value.
    - `create`: make the table if it is not there, from the source's types, with `keys` as its primary key.

    Whatever the mode, all happens in one transaction: if it fails the table is as it was.
    """

    template_fields: ClassVar[Sequence[str]] = ("table", "conn_id", "keys", "partition")
    modes: ClassVar[tuple[str, ...]] = ("replace", "append", "upsert")
    hook_class: ClassVar[type[DbApiHook]] = DbApiHook
    conn_type: ClassVar[str] = ""  #: of its connection; empty: any that runs SQL
    catalogue_class: ClassVar[type[Catalogue]] = Catalogue
    writer_class: ClassVar[type[TableWriter]] = InsertWriter

    table: str
    _: KW_ONLY
    conn_id: str = ""
    mode: str | None = None
    keys: Sequence[str] = ()
    partition: Mapping[str, Any] | None = None
    create: bool = False

    def __post_init__(self) -> None:
        _check_conn_id(self)
        if self.mode is not None and self.mode not in self.modes:
            raise DagError(f"{self!r}: mode={self.mode!r} must be one of {', '.join(self.modes)}.")
        if isinstance(self.keys, str):
            raise DagError(f"{self!r}: keys= must be a list of columns: [{self.keys!r}].")
        if self.partition is not None and self.mode != "append":
            raise DagError(f"{self!r}: partition= says what mode='append' clears first, and has no other use.")

    def check_sink(self) -> None:
        if self.mode is None:
            raise DagError(f"{self!r} is written to, so it must say how: mode='replace', 'append' or 'upsert'.")
        if self.mode == "upsert" and not self.keys:
            raise DagError(f"{self!r}: mode='upsert' needs keys=, the columns that tell rows apart.")

    def get_hook(self) -> DbApiHook:
        return _hook(self, self.hook_class)

    def reader(self) -> Reader:
        hook = self.get_hook()
        return TableReader(hook, self.table, self.catalogue_class(hook))

    def writer(self) -> Writer:
        hook = self.get_hook()
        return self.writer_class(hook, self, self.catalogue_class(hook))


@dataclass(frozen=True, repr=False)
class SqliteQuery(SqlQuery):
    """The rows that a query returns, of SQLite. Its values have the types that they are stored with."""

    hook_class: ClassVar[type[DbApiHook]] = SqliteHook
    conn_type: ClassVar[str] = SqliteHook.conn_type
    _: KW_ONLY
    conn_id: str = "sqlite_default"


@dataclass(frozen=True, repr=False)
class SqliteTable(SqlTable):
    """A table of SQLite. The types of its values are what its columns are declared as."""

    hook_class: ClassVar[type[DbApiHook]] = SqliteHook
    conn_type: ClassVar[str] = SqliteHook.conn_type
    catalogue_class: ClassVar[type[Catalogue]] = SqliteCatalogue
    writer_class: ClassVar[type[TableWriter]] = SqliteTableWriter
    _: KW_ONLY
    conn_id: str = "sqlite_default"
