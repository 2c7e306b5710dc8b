"""`DbApiHook`: what the hooks of all SQL databases share. A provider subclasses it and opens its driver in `get_conn`.

Every method opens a connection, uses it and closes it, also when it fails. Logs carry statements and row counts, and
never the values of parameters or rows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, Literal, TypeVar, overload

from tradewind_sql import bulk, frames, statements
from tradewind_sql.access import DatabaseAccess
from tradewind_sql.errors import EmptySql, SqlError
from tradewind_sql.handlers import fetch_all_handler, fetch_one_handler, return_single_query_results
from tradewind_sql.inserts import Insert

T = TypeVar("T")

#: Values for the placeholders of a statement, by place or by name.
Parameters = Iterable[Any] | Mapping[str, Any]


class DbApiHook(DatabaseAccess):
    """Runs SQL through a DB-API 2 driver.

    `schema` takes the place of the connection's own; `log_sql=False` keeps statements out of the log. The four formats
    can be given here or as extras of the connection.
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
        [statement] = self._statements(sql, False)
        values = self._adapt_parameters(parameters)
        with self._create_autocommit_connection() as conn, closing(self._stream_cursor(conn)) as cursor:
            self._run_command(cursor, statement, values)
            self.descriptions = [cursor.description]
            while cursor.description is not None and (rows := cursor.fetchmany(chunksize)):
                yield list(rows)
            self._commit(conn)

    def _stream_cursor(self, conn: Any) -> Any:
        """A cursor that does not fetch the whole result at once; override where the driver needs a special one."""
        return conn.cursor()

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
        with self._explained(sql_statement):
            if parameters:
                cursor.execute(sql_statement, parameters)
            else:
                cursor.execute(sql_statement)
        if cursor.rowcount >= 0:
            self.log.info("Rows affected: %s", cursor.rowcount)

    @contextmanager
    def _explained(self, statement: str) -> Iterator[None]:
        """Add to the driver's error which connection and statement it is about."""
        try:
            yield
        except Exception as error:
            error.add_note(f"On connection {self.get_conn_id()!r}" + (f": {statement}" if self.log_sql else "."))
            raise

    @contextmanager
    def _create_autocommit_connection(self, autocommit: bool = False) -> Generator[Any, None, None]:
        """A connection for the block: rolled back if it fails, closed in any case, and reached by `cancel`."""
        with closing(self.get_conn()) as conn:
            if self.supports_autocommit or autocommit:
                self.set_autocommit(conn, autocommit)
            self._running.append(conn)
            try:
                yield conn
            except BaseException:
                with suppress(Exception):  # the connection may be gone: the first error is the one to tell
                    conn.rollback()
                raise
            finally:
                self._running.remove(conn)

    def _commit(self, conn: Any) -> None:
        if not self.get_autocommit(conn):
            conn.commit()

    def cancel(self) -> None:
        """Stop what this hook executes right now in other threads, where the driver can; they get its error."""
        for conn in list(self._running):
            stop = getattr(conn, "cancel", None) or getattr(conn, "interrupt", None)
            if stop is not None:
                stop()

    def set_autocommit(self, conn: Any, autocommit: bool) -> None:
        """Whether each statement on `conn` commits itself."""
        if not self.supports_autocommit and autocommit:
            self.log.warning("Connection %r does not support autocommit; it commits at the end.", self.get_conn_id())
            return
        conn.autocommit = autocommit

    def get_autocommit(self, conn: Any) -> bool:
        return self.supports_autocommit and bool(getattr(conn, "autocommit", False))

    def get_db_log_messages(self, conn: Any) -> None:
        """Log what the server had to say; for databases that send notices."""

    def test_connection(self) -> tuple[bool, str]:
        """Whether a trivial query works, and a message for people."""
        try:
            self.get_first(self._test_connection_sql)
        except Exception as error:  # whatever the driver raises is the answer
            return False, str(error) or type(error).__name__
        return True, "Connection successfully tested"

    # Rows in bulk: see inserts, bulk and frames

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

    def _execute_many(self, cursor: Any, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Execute an insert for each of `rows`; override where the driver has something faster than `executemany`."""
        cursor.executemany(statement, rows)

    def bulk_load(self, table: str, tmp_file: str) -> int:
        """Load a file as `bulk_dump` writes it into a table, all or nothing; returns the number of rows."""
        return bulk.load(self, table, tmp_file)

    def bulk_dump(self, table: str, tmp_file: str) -> int:
        """Write a table to a file: a line per row, a tab between values, `\\N` for NULL; returns the number of rows."""
        return bulk.dump(self, table, tmp_file)

    def _pandas_connection(self, conn: Any) -> Any:
        """`conn` in a form that pandas takes: through SQLAlchemy, unless the driver is one that pandas knows."""
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        return create_engine(self.sqlalchemy_url, creator=lambda: conn, poolclass=StaticPool)

    def get_df(
        self,
        sql: str | list[str],
        parameters: Parameters | None = None,
        *,
        df_type: Literal["pandas", "polars"] = "pandas",
        **kwargs: Any,
    ) -> Any:
        """The rows of a query as a data frame. Of a list of statements the last one makes it.

        Further keywords go to `pandas.read_sql` or to `polars.DataFrame`.
        """
        return frames.frame(self, sql, parameters, df_type, kwargs)

    def get_df_by_chunks(
        self,
        sql: str | list[str],
        parameters: Parameters | None = None,
        *,
        chunksize: int,
        df_type: Literal["pandas", "polars"] = "pandas",
        **kwargs: Any,
    ) -> Iterator[Any]:
        """As `get_df`, in data frames of at most `chunksize` rows."""
        return frames.frames(self, sql, parameters, df_type, chunksize, kwargs)

    def get_pandas_df(self, sql: str | list[str], parameters: Parameters | None = None, **kwargs: Any) -> Any:
        """The older name of `get_df`."""
        return self.get_df(sql, parameters, df_type="pandas", **kwargs)

    def get_pandas_df_by_chunks(
        self, sql: str | list[str], parameters: Parameters | None = None, *, chunksize: int, **kwargs: Any
    ) -> Iterator[Any]:
        """The older name of `get_df_by_chunks`."""
        return self.get_df_by_chunks(sql, parameters, chunksize=chunksize, df_type="pandas", **kwargs)
