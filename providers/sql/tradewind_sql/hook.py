"""`DbApiHook`: what the hooks of all SQL databases share. A provider subclasses it and opens its driver in `get_conn`.

Every method opens a connection, uses it and closes it, also when it fails; in `session()` and `transaction()` they
share one. Logs carry statements and row counts, and never the values of parameters or rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar, overload

from tradewind_sql import statements
from tradewind_sql.errors import EmptySql, SqlError
from tradewind_sql.handlers import fetch_all_handler, fetch_one_handler, return_single_query_results
from tradewind_sql.lending import LendingHook

if TYPE_CHECKING:
    from tradewind.transfer import Reader
    from tradewind_sql.frames import FrameType
    from tradewind_sql.inserts import InsertTarget

T = TypeVar("T")

#: Values for the placeholders of a statement, by place or by name.
Parameters = Iterable[Any] | Mapping[str, Any]


class DbApiHook(LendingHook):
    """Runs SQL through a DB-API 2 driver.

    `schema` takes the place of the connection's own; `log_sql=False` keeps statements out of the log;
    `statement_timeout` is in seconds. It and the four formats can be given here or as extras of the connection.
    """

    _test_connection_sql: str = "select 1"

    # Running statements

    @classmethod
    def split_sql_string(cls, sql: str, strip_semicolon: bool = False) -> list[str]:
        """The statements of `sql`, without comments and without empty ones."""
        return statements.split(sql, cls.sql_syntax, strip_semicolon=strip_semicolon)

    @staticmethod
    def strip_sql_string(sql: str) -> str:
        """Without blanks around it and semicolons at its end."""
        return sql.strip().rstrip(";")

    @property
    def last_description(self) -> Sequence[Sequence[Any]] | None:
        """`cursor.description` of the last statement that `run` took a result from."""
        return self.descriptions[-1] if self.descriptions else None

    @overload
    def run(
        self,
        sql: str | Iterable[str],
        autocommit: bool = ...,
        parameters: Parameters | None = ...,
        handler: None = ...,
        split_statements: bool = ...,
        return_last: bool = ...,
    ) -> None: ...

    @overload
    def run(
        self,
        sql: str | Iterable[str],
        autocommit: bool = ...,
        parameters: Parameters | None = ...,
        handler: Callable[[Any], T] = ...,
        split_statements: bool = ...,
        return_last: bool = ...,
    ) -> T | list[T]: ...

    def run(
        self,
        sql: str | Iterable[str],
        autocommit: bool = False,
        parameters: Parameters | None = None,
        handler: Callable[[Any], T] | None = None,
        split_statements: bool = False,
        return_last: bool = True,
    ) -> T | list[T] | None:
        """Execute one statement, or several in one transaction; if one fails, nothing of them remains.

        Without a handler the answer is None. A handler gets the cursor after each statement (with the same
        `parameters` for each); the answer is one result if `sql` is a text and either it is not split or `return_last`
        is true, else a list with a result per statement. With `autocommit` each statement counts by itself.
        """
        to_run = self._statements(sql, split_statements)
        values = self._adapt_parameters(parameters)
        single = return_single_query_results(sql, return_last, split_statements)
        self.descriptions = []
        results: list[T] = []
        with self._create_autocommit_connection(autocommit) as conn:
            with closing(conn.cursor()) as cursor:
                for statement in to_run:
                    self._run_command(cursor, statement, values)
                    if handler is not None:
                        if single:  # keep one result in memory, not all
                            results.clear()
                            self.descriptions.clear()
                        results.append(self._make_common_data_structure(handler(cursor)))
                        self.descriptions.append(cursor.description)
            self._commit(conn)
            self.get_db_log_messages(conn)
        if handler is None:
            return None
        return results[-1] if single else results

    def get_records(self, sql: str | list[str], parameters: Parameters | None = None) -> Any:
        """All rows of a query, as tuples. A list of statements gives a list of such lists."""
        return self.run(sql, parameters=parameters, handler=fetch_all_handler)

    def get_first(self, sql: str | list[str], parameters: Parameters | None = None) -> Any:
        """The first row of a query, or None."""
        return self.run(sql, parameters=parameters, handler=fetch_one_handler)

    def get_records_by_chunks(
        self, sql: str, parameters: Parameters | None = None, *, chunksize: int = 1000
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query in lists of `chunksize`, never more of them in memory.

        After the last list the connection is committed and closed; if the iteration is given up, it is rolled back.
        """
        if chunksize < 1:
            raise ValueError(f"chunksize must be at least 1, not {chunksize}")
        yield from self._stream(sql, parameters, chunksize)

    def _stream(
        self, sql: str | list[str], parameters: Parameters | None, chunksize: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Lists of the rows of the last statement; before the first one `descriptions` is set."""
        *before, statement = self._statements(sql, False)
        values = self._adapt_parameters(parameters)
        with self._create_autocommit_connection(streaming=True) as conn:
            with closing(conn.cursor()) as cursor:
                for earlier in before:
                    self._run_command(cursor, earlier, values)
            with closing(self._stream_cursor(conn, statement)) as cursor:
                self._run_command(cursor, statement, values)
                self.descriptions = [cursor.description]
                while cursor.description is not None and (rows := self._fetch(conn, cursor, chunksize)):
                    yield rows
            self._commit(conn)
            self.get_db_log_messages(conn)

    def query_reader(self, sql: str, parameters: Parameters | None = None) -> Reader:
        """What reads the rows of a query in a transfer, not open yet; override it where the driver tells types."""
        from tradewind_sql.reading import QueryReader

        return QueryReader(self, sql, parameters)

    def _fetch(self, conn: Any, cursor: Any, number: int) -> list[tuple[Any, ...]]:
        with self._explained("FETCH"):
            return list(self._attended(conn, lambda: cursor.fetchmany(number)))

    def _stream_cursor(self, conn: Any, statement: str) -> Any:
        """A cursor for `statement` that leaves its rows on the server till they are fetched.

        Override it where the driver's plain cursor takes all of them at once. The cursor must give plain tuples, and
        have a `description` when it has executed a statement that returns rows.
        """
        return conn.cursor()

    def _column_types(self, description: Sequence[Sequence[Any]]) -> list[type | None]:
        """Python's type of each column of a result, None where the driver does not tell: for data frames.

        Only needed for columns that have no value at all, so that chunks of one result have the same types.
        """
        return [None] * len(description)

    def _statements(self, sql: str | Iterable[str], split: bool) -> list[str]:
        found = (
            (self.split_sql_string(sql, self.strip_semicolon) if split else [sql]) if isinstance(sql, str) else [*sql]
        )
        if not found:
            raise EmptySql(f"List of SQL statements is empty: nothing to run on connection {self.get_conn_id()!r}.")
        for number, statement in enumerate(found, 1):
            if statements.is_empty(statement, self.sql_syntax):
                place = f"Statement {number} of {len(found)}" if len(found) > 1 else "The SQL"
                raise EmptySql(
                    f"{place} for connection {self.get_conn_id()!r} is empty: it has only blanks and comments. "
                    "List of SQL statements is empty."
                )
        return found

    def _adapt_parameters(self, parameters: Parameters | None) -> tuple[Any, ...] | dict[str, Any] | None:
        if parameters is None:
            return None
        if isinstance(parameters, str | bytes):
            raise SqlError("parameters= must be a list, a tuple or a dict; for one text value write [value].")
        if isinstance(parameters, Mapping):
            return {name: self._serialize_cell(value) for name, value in parameters.items()}
        return tuple(self._serialize_cell(value) for value in parameters)

    def _make_common_data_structure(self, result: Any) -> Any:
        """Make plain tuples of a driver's own row objects; override where rows are not tuples."""
        return result

    def _run_command(self, cursor: Any, sql_statement: str, parameters: Any) -> None:
        if self.log_sql:
            self.log.info("Running statement: %s", sql_statement)
        given = (sql_statement, parameters) if parameters else (sql_statement,)
        with self._explained(sql_statement):
            self._attended(cursor.connection, lambda: cursor.execute(*given))
        if 0 <= cursor.rowcount < 2**63:  # PyMySQL's way to say "not known yet" is 2**64 - 1
            self.log.info("Rows affected: %s", cursor.rowcount)

    def test_connection(self) -> tuple[bool, str]:
        """Whether a trivial query works, and a message for people."""
        try:
            self.get_first(self._test_connection_sql)
        except Exception as error:  # whatever the driver raises is the answer
            return False, str(error) or type(error).__name__
        return True, "Connection successfully tested"

    # Rows in bulk: see inserts, bulk and frames, imported where they are used so that importing a hook costs little

    def insert_rows(
        self,
        table: str,
        rows: Iterable[Any],
        target_fields: Iterable[str] | None = None,
        commit_every: int = 1000,
        replace: bool = False,
        *,
        executemany: bool = False,
        fast_executemany: bool = False,
        autocommit: bool = False,
        **kwargs: Any,
    ) -> int:
        """Insert rows (sequences, or mappings of column to value) and return how many.

        A transaction holds `commit_every` rows, all of them if it is 0; when a row fails, its transaction is rolled
        back, and earlier ones stay. `rows` may be any iterable; only a batch of it is in memory. Further keywords are
        `schema` and, with `replace=True`, `replace_index` and `replace_target`: see `Dialect.generate_replace_sql`.
        """
        from tradewind_sql.inserts import Insert

        insert = Insert(self, table, target_fields, replace=replace, options=kwargs)
        return insert.run(
            rows,
            commit_every=commit_every,
            executemany=executemany or self.supports_executemany,
            fast_executemany=fast_executemany,
            autocommit=autocommit,
        )

    def _generate_insert_sql(
        self,
        table: str,
        values: Sequence[Any],
        target_fields: Iterable[str] | None = None,
        replace: bool = False,
        **kwargs: Any,
    ) -> str:
        if replace:
            return self.dialect.generate_replace_sql(table, values, target_fields, **kwargs)
        return self.dialect.generate_insert_sql(table, values, target_fields, **kwargs)

    @staticmethod
    def _serialize_cell(cell: Any, conn: Any = None) -> Any:
        """A value as the driver takes it; override where the driver lacks a type."""
        return cell

    def _insert_batches(self, cursor: Any, target: InsertTarget, batches: Iterator[list[tuple[Any, ...]]]) -> None:
        """Insert all batches of one transaction. Override it where the database can take them as one stream.

        The next batch is made of the caller's rows when it is asked for. In a `session()` making them may use this very
        connection: stream only if `_shared` is None.
        """
        for batch in batches:
            self._insert_batch(cursor, target, batch)

    def _insert_batch(self, cursor: Any, target: InsertTarget, rows: list[tuple[Any, ...]]) -> None:
        """Insert a few rows, all of the same width. Override it where the database has a faster way.

        `insert_batch` is the usual way, for what an override does not take on itself.
        """
        from tradewind_sql.inserts import insert_batch

        insert_batch(self, cursor, target, rows)

    def _execute_many(self, cursor: Any, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Execute a statement for each of `rows`."""
        self._attended(cursor.connection, lambda: cursor.executemany(statement, rows))

    def bulk_load(self, table: str, tmp_file: str) -> int:
        """Load a file as `bulk_dump` writes it into a table, all or nothing; returns the number of rows."""
        from tradewind_sql import bulk

        return bulk.load(self, table, tmp_file)

    def bulk_dump(self, table: str, tmp_file: str) -> int:
        """Write a table to a file: a line per row, a tab between values, `\\N` for NULL; returns the number of rows."""
        from tradewind_sql import bulk

        return bulk.dump(self, table, tmp_file)

    def get_df(
        self,
        sql: str | list[str],
        parameters: Parameters | None = None,
        *,
        df_type: FrameType = "pandas",
        **kwargs: Any,
    ) -> Any:
        """The rows of a query as a data frame: of pandas, of polars, or an Arrow table ("arrow").

        Of a list of statements the last one makes it. Values keep their types: decimals and dates stay what they are,
        and whole numbers stay whole beside NULLs. Further keywords for pandas are `index_col`, `columns`,
        `coerce_float` (decimals become floats), `parse_dates`, `dtype` and `dtype_backend`, as in `pandas.read_sql`;
        for polars those of `polars.DataFrame`; for Arrow `schema`.
        """
        from tradewind_sql import frames

        return frames.frame(self, sql, parameters, df_type, kwargs)

    def get_df_by_chunks(
        self,
        sql: str | list[str],
        parameters: Parameters | None = None,
        *,
        chunksize: int,
        df_type: FrameType = "pandas",
        **kwargs: Any,
    ) -> Iterator[Any]:
        """As `get_df`, in data frames of at most `chunksize` rows, one in memory at a time."""
        from tradewind_sql import frames

        return frames.frames(self, sql, parameters, df_type, chunksize, kwargs)

    def get_arrow(self, sql: str | list[str], parameters: Parameters | None = None, **kwargs: Any) -> Any:
        """`get_df` with `df_type="arrow"`: a `pyarrow.Table`."""
        return self.get_df(sql, parameters, df_type="arrow", **kwargs)

    def get_pandas_df(self, sql: str | list[str], parameters: Parameters | None = None, **kwargs: Any) -> Any:
        """The older name of `get_df`."""
        return self.get_df(sql, parameters, df_type="pandas", **kwargs)

    def get_pandas_df_by_chunks(
        self, sql: str | list[str], parameters: Parameters | None = None, *, chunksize: int, **kwargs: Any
    ) -> Iterator[Any]:
        """The older name of `get_df_by_chunks`."""
        return self.get_df_by_chunks(sql, parameters, chunksize=chunksize, df_type="pandas", **kwargs)
