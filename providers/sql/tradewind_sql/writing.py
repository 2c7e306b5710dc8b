"""Writes a table for a transfer, in one transaction: all of it, or nothing.

Where the database can, rows go into a temporary table first, while nobody else notices anything; `commit` takes them
over into the target. A target that is replaced keeps its identity: rows are deleted and inserted, so that privileges,
views, indexes, triggers and foreign keys stay as they are, and who reads meanwhile sees the old rows.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from tradewind.errors import TransferError
from tradewind.transfer import Batch, Column, RowWriter, Writer
from tradewind.transfer.values import RowConverter
from tradewind_sql.catalogue import Catalogue, TableColumn

if TYPE_CHECKING:
    from tradewind_sql.endpoints import SqlTable
    from tradewind_sql.hook import DbApiHook

#: Stands for a value in the statements made here.
VALUE = "\0"


class _Undone(Exception):
    """Makes a transaction roll back."""


class TableWriter(Writer):
    """The transaction around the rows. Subclasses bring the rows in, temporary tables and locks."""

    #: Rows can go into a temporary table first.
    stages = False

    def __init__(self, hook: DbApiHook, endpoint: SqlTable, catalogue: Catalogue) -> None:
        self.hook = hook
        self.endpoint = endpoint
        self.catalogue = catalogue
        self.table = hook.dialect.table_name(endpoint.table)
        self.staging = ""  #: name of the temporary table, once there is one
        self.known: list[TableColumn] | None = None  #: columns of the target; None: it is to be made
        self.fixed: dict[str, Any] = {}  #: columns of the partition that do not come with the rows
        self._stack = ExitStack()
        self.wanted: dict[str, Column] = {}  #: of a table that is to be made: columns with the types of the source
        self.loaded = 0  #: rows that were brought in

    # The steps of a transfer

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.conn = stack.enter_context(self.hook.transaction())
            self.open()
            self.known = self.catalogue.columns(self.endpoint.table)
            if self.known is None and not self.endpoint.create:
                raise TransferError(
                    f"Connection {self.hook.get_conn_id()!r}: there is no table {self.endpoint.table!r}. Make it, or "
                    "let the transfer do so with create=True."
                )
            if self.known is not None:
                self.columns = tuple(self._offered(one.column) for one in self.known if not one.generated)
                self._check_unique()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        undone = _Undone()
        self._stack.__exit__(_Undone, undone, None)  # does nothing after `commit`

    def cancel(self) -> None:
        super().cancel()
        self.hook.cancel()

    def adopt(self, columns: Sequence[Column]) -> Sequence[Column]:
        self.wanted = {column.name: column for column in columns}
        kept = self.catalogue.kept
        return [replace(one, type=kept(one.type, key=one.name in self.endpoint.keys)) for one in columns]

    def begin(self, columns: Sequence[Column]) -> None:
        self.incoming = tuple(columns)
        self._check_names()
        if not self._goes_straight():
            self._make_staging()
            return
        self.lock()
        if self.known is None:
            self._create()
        self._clear()

    def commit(self) -> None:
        if self.staging:
            self.lock()
            if self.known is None:
                self._create()
            self._take_over()
        self._check_partition()
        if self.cancelled:
            raise TransferError(f"Table {self.endpoint.table} is left as it was: the transfer was told to stop.")
        stack, self._stack = self._stack, ExitStack()
        stack.close()

    # What databases do differently

    def open(self) -> None:
        """Prepare the session, before anything else is done in the transaction."""

    def lock(self) -> None:
        """Wait till no other transfer writes to the table, and keep others out till the end."""

    def goes_straight(self) -> bool:
        """Whether rows may go into the target at once; asked only where a temporary table would be possible too.

        They may where nothing is to be deleted first, and no row of an earlier try needs to be found.
        """
        return False

    def staging_name(self) -> str:
        """A name for the temporary table, with the schema that it must have."""
        return f"tradewind_{secrets.token_hex(8)}"

    def staging_sql(self, columns: Sequence[str]) -> str:
        """The statement that makes the temporary table, from declarations of columns."""
        return f"CREATE TEMPORARY TABLE {self.quoted(self.staging)} ({', '.join(columns)})"

    def insert_sql(self, columns: Sequence[str], values: Sequence[str]) -> str:
        """The statement that takes the rows of the temporary table over."""
        select = f"SELECT {', '.join(values)} FROM {self.quoted(self.staging)}"
        return f"INSERT INTO {self.table} ({', '.join(columns)}) {select}"

    def upsert(self, columns: Sequence[str], values: Sequence[str], keys: Sequence[str]) -> None:
        """The same, where a row that has the `keys` of an old one takes its place; of several the last one counts.

        All names are quoted, and a value of `fixed` belongs to each VALUE. Needed where `stages` is true.
        """
        raise NotImplementedError(f"{type(self).__name__} stages rows, and does not say how they take others' places")

    def delete_vanished(self, keys: Sequence[str]) -> None:
        """Delete the rows of the target whose key is not in the temporary table."""
        same = " AND ".join(f"new.{key} = {self.table}.{key}" for key in keys)
        found = f"SELECT 1 FROM {self.quoted(self.staging)} AS new WHERE {same}"
        self.execute(f"DELETE FROM {self.table} WHERE NOT EXISTS ({found})")

    def declared(self, name: str) -> str:
        """What a column that comes is declared as in the target."""
        if self.known is None:
            return self.catalogue.declaration(self.wanted[name].type, key=name in self.endpoint.keys)
        return next(one.declared for one in self.known if one.column.name == name)

    # Statements

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement, with a value for each VALUE in it; returns how many rows it was about."""
        text = self._text(sql, values)
        count: Any = self.hook.run(text, parameters=list(values) or None, handler=lambda cursor: cursor.rowcount)
        return int(count)

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.catalogue.ask(self._text(sql, values), values)

    def _text(self, sql: str, values: Sequence[Any]) -> str:
        dialect = self.hook.dialect
        return dialect.protected(sql).replace(VALUE, dialect.placeholder) if values else sql

    def quote(self, name: str) -> str:
        return self.hook.dialect.quote(name)

    def quoted(self, table: str) -> str:
        return self.hook.dialect.table_name(table)

    # The parts of it

    def _offered(self, column: Column) -> Column:
        return replace(column, optional=True) if column.name in (self.endpoint.partition or {}) else column

    def _check_unique(self) -> None:
        keys = frozenset(self.endpoint.keys)
        known = self.catalogue.unique_keys(self.endpoint.table) if self.endpoint.mode == "upsert" else None
        if known is not None and keys not in known:
            there = "; ".join(sorted(", ".join(sorted(key)) for key in known)) or "none"
            raise TransferError(
                f"Table {self.endpoint.table} has no primary key or unique index over exactly keys={sorted(keys)}, so "
                f"that rows cannot be told apart by them. It has: {there}."
            )

    def _check_names(self) -> None:
        endpoint = self.endpoint
        names = [column.name for column in self.incoming]
        there = names if self.known is None else [one.column.name for one in self.known]
        partition = endpoint.partition or {}
        self.fixed = {name: value for name, value in partition.items() if name not in names}
        for what, wanted, known in (("keys", endpoint.keys, names), ("partition", partition, there)):
            lost = [name for name in wanted if name not in known]
            if lost:
                raise TransferError(
                    f"{what}= of table {endpoint.table} names {lost[0]!r}, which is no column: {known}."
                )

    def _goes_straight(self) -> bool:
        if not self.stages:
            return True
        return self.endpoint.mode != "upsert" and not self.fixed and self.goes_straight()

    def _make_staging(self) -> None:
        self.staging = self.staging_name()
        self.execute(self.staging_sql([f"{self.quote(one.name)} {self.declared(one.name)}" for one in self.incoming]))

    def _create(self) -> None:
        columns = [self.wanted[column.name] for column in self.incoming]
        self.execute(self.catalogue.create_table(self.table, columns, self.endpoint.keys))

    def _clear(self) -> None:
        """Delete what the rows are to take the place of."""
        if self.endpoint.mode == "replace":
            self.execute(f"DELETE FROM {self.table}")
        elif self.endpoint.partition:
            self.execute(f"DELETE FROM {self.table} WHERE {self._in_partition}", self._partition_values)

    def _take_over(self) -> None:
        names = [column.name for column in self.incoming]
        columns = [self.quote(name) for name in (*names, *self.fixed)]
        values = [*(self.quote(name) for name in names), *(VALUE for _ in self.fixed)]
        if self.endpoint.mode == "upsert":
            self._refuse_null_keys()
            self.upsert(columns, values, [self.quote(key) for key in self.endpoint.keys])
            return
        if self.endpoint.mode == "replace" and (others := self.catalogue.referencing(self.endpoint.table)):
            self._replace_referenced(columns, values, others)
            return
        self._clear()
        taken = self.execute(self.insert_sql(columns, values), list(self.fixed.values()))
        if taken != self.loaded:
            raise TransferError(f"Table {self.endpoint.table} took {taken} rows of {self.loaded}.")

    def _replace_referenced(self, columns: Sequence[str], values: Sequence[str], others: list[str]) -> None:
        """Rows that others point to must not go for a moment: what the foreign keys do then would stay done."""
        names = self.catalogue.primary_key(self.endpoint.table)
        keys = [self.quote(name) for name in names]
        if not keys or not set(keys) <= set(columns):
            raise TransferError(
                f"Table {self.endpoint.table} cannot be replaced: rows of {', '.join(others)} point to its rows, and "
                "there is no primary key, among the columns that come, to tell which of them stay."
            )
        joined = ", ".join(keys)
        [(count,)] = self.ask(
            f"SELECT count(*) FROM (SELECT DISTINCT {joined} FROM {self.quoted(self.staging)}) AS found"
        )
        if count != self.loaded:
            raise TransferError(
                f"{self.loaded} rows came for table {self.endpoint.table}, with only {count} different values of its "
                f"primary key {', '.join(names)}."
            )
        self.delete_vanished(keys)
        self.upsert(columns, values, keys)

    def _refuse_null_keys(self) -> None:
        """Rows without a key cannot be found again: each run would add them once more."""
        absent = " OR ".join(f"{self.quote(key)} IS NULL" for key in self.endpoint.keys)
        [(count,)] = self.ask(f"SELECT count(*) FROM {self.quoted(self.staging)} WHERE {absent}")
        if count:
            raise TransferError(
                f"{count} rows for table {self.endpoint.table} lack a value of the key {', '.join(self.endpoint.keys)}."
            )

    def _check_partition(self) -> None:
        """Rows of another partition would be there twice after the next run."""
        if not self.endpoint.partition or self.fixed.keys() == self.endpoint.partition.keys():
            return
        sql = f"SELECT count(*) FROM {self.table} WHERE {self._in_partition}"
        [(count,)] = self.ask(sql, self._partition_values)
        if count != self.loaded:
            raise TransferError(
                f"{self.loaded} rows came for table {self.endpoint.table}, and {count} are in the partition of "
                f"{', '.join(self.endpoint.partition)} now: all must belong to it. Choose them in the source."
            )

    @property
    def _in_partition(self) -> str:
        partition: Mapping[str, Any] = self.endpoint.partition or {}
        return " AND ".join(
            f"{self.quote(name)} IS NULL" if value is None else f"{self.quote(name)} = {VALUE}"
            for name, value in partition.items()
        )

    @property
    def _partition_values(self) -> list[Any]:
        return [value for value in (self.endpoint.partition or {}).values() if value is not None]


class InsertWriter(TableWriter, RowWriter):
    """Brings rows in with the inserts of the hook."""

    def rows(self, batches: Iterable[Batch]) -> int:
        names = [column.name for column in self.incoming]
        adapt = RowConverter([self.adapter(column) for column in self.incoming], self._failed)
        rows: Iterable[tuple[Any, ...]] = chain.from_iterable(map(adapt, batches))
        if self.fixed and not self.staging:
            more = tuple(self.fixed.values())
            rows = ((*row, *more) for row in rows)
            names += self.fixed
        where = self.staging or self.endpoint.table
        self.loaded = self.hook.insert_rows(where, rows, names, commit_every=0, **self.insert_options())
        return self.loaded

    def insert_options(self) -> dict[str, Any]:
        """Further keywords for `insert_rows`."""
        if self.endpoint.mode == "upsert" and not self.staging:
            return {"replace": True, "replace_index": list(self.endpoint.keys)}
        return {}

    def adapter(self, column: Column) -> Callable[[Any], Any] | None:
        """What makes of a value of this column what the database stores. Raises ValueError, whose message does not show
        the value, and goes on after the name of the column: "gets ...".
        """
        return None

    def _failed(self, number: int, place: int, error: Exception) -> TransferError:
        return TransferError(f"Row {number}: column {self.incoming[place].name!r} of {self.endpoint.table} {error}.")
