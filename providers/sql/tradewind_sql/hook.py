"""`DbApiHook`: what the hooks of all SQL databases share. A provider subclasses it and opens its driver in `get_conn`.

Every method opens a connection, uses it and closes it, also when it fails. Logs carry statements and row counts, and
never the values of parameters or rows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, overload

from tradewind.errors import BrokenConnection
from tradewind.hook import BaseHook
from tradewind_sql import bulk, frames, statements
from tradewind_sql.dialect import Column, Dialect
from tradewind_sql.errors import EmptySql, SqlError
from tradewind_sql.handlers import fetch_all_handler, fetch_one_handler, return_single_query_results
from tradewind_sql.inserts import Insert

if TYPE_CHECKING:
    from tradewind.connection import Connection

T = TypeVar("T")

#: Values for the placeholders of a statement, by place or by name.
Parameters = Iterable[Any] | Mapping[str, Any]

#: Placeholders that a connection may choose with its extra `placeholder`.
PLACEHOLDERS = ("%s", "?")


class DbApiHook(BaseHook):
    """Runs SQL through a DB-API 2 driver.

    `schema` takes the place of the connection's own; `log_sql=False` keeps statements out of the log. The four formats
    can be given here or as extras of the connection.
    """

    conn_name_attr: str = "conn_id"  #: name of the argument and attribute that holds the connection id
    default_conn_name: str = "default_conn_id"  #: used when no connection id is given
    conn_type: str = ""
    hook_name: str = ""
    supports_autocommit: bool = False  #: the driver's connections can be switched to commit every statement
    supports_executemany: bool = True  #: False: rows are inserted one by one
    strip_semicolon: bool = False  #: the database dislikes a semicolon at the end of a statement
    connector: Any = None  #: the object with `connect`, where `get_conn` is not overridden
    dialect_class: type[Dialect] = Dialect
    sql_syntax: ClassVar[statements.Syntax] = statements.STANDARD  #: how text is split into statements
    _test_connection_sql: str = "select 1"
    _placeholder: str = "%s"

    def __init__(
        self,
        *args: str,
        schema: str | None = None,
        log_sql: bool = True,
        connection: Connection | None = None,
        insert_statement_format: str | None = None,
        replace_statement_format: str | None = None,
        escape_word_format: str | None = None,
        escape_column_names: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if len(args) > 1:
            raise TypeError(f"{type(self).__name__} takes one positional argument, the connection id; got {len(args)}")
        conn_id = args[0] if args else kwargs.get(self.conn_name_attr) or self.default_conn_name
        setattr(self, self.conn_name_attr, conn_id)
        self.schema = schema
        self.log_sql = log_sql
        #: `cursor.description` of each statement that the last `run` took a result from
        self.descriptions: list[Sequence[Sequence[Any]] | None] = []
        self._connection = connection
        self._insert_statement_format = insert_statement_format
        self._replace_statement_format = replace_statement_format
        self._escape_word_format = escape_word_format
        self._escape_column_names = escape_column_names
        self._running: list[Any] = []

    # The connection

    def get_conn_id(self) -> str:
        return str(getattr(self, self.conn_name_attr))

    @property
    def connection(self) -> Connection:
        """The tradewind connection, looked up once."""
        if self._connection is None:
            self._connection = self.get_connection(self.get_conn_id())
        return self._connection

    @property
    def connection_extra(self) -> dict[str, Any]:
        return self.connection.extra_dejson

    @property
    def connection_extra_lower(self) -> dict[str, Any]:
        """The extras with their names in lower case."""
        return {name.lower(): value for name, value in self.connection_extra.items()}

    @cached_property
    def placeholder(self) -> str:
        """What stands for a value in a statement: `%s` or `?`."""
        chosen = self.connection_extra.get("placeholder") or self._placeholder
        if chosen not in PLACEHOLDERS:
            raise BrokenConnection(
                f"Connection {self.get_conn_id()!r}: its extra placeholder={chosen!r} must be one of {PLACEHOLDERS}."
            )
        return str(chosen)

    @property
    def insert_statement_format(self) -> str:
        return self._format("insert_statement_format", "INSERT INTO {} {} VALUES ({})")

    @property
    def replace_statement_format(self) -> str:
        return self._format("replace_statement_format", "REPLACE INTO {} {} VALUES ({})")

    @property
    def escape_word_format(self) -> str:
        return self._format("escape_word_format", '"{}"')

    @property
    def escape_column_names(self) -> bool:
        """Whether plain column names are quoted too. Those that need it always are."""
        chosen = self._escape_column_names
        return bool(self.connection_extra.get("escape_column_names", True) if chosen is None else chosen)

    def _format(self, name: str, default: str) -> str:
        return str(getattr(self, "_" + name) or self.connection_extra.get(name) or default)

    def get_conn(self) -> Any:
        """A new DB-API connection. Who asks for it closes it: `with closing(hook.get_conn()) as conn:`."""
        if self.connector is None:
            raise TypeError(f"{type(self).__name__} must define get_conn(), or set `connector`.")
        conn = self.connection
        return self.connector.connect(
            host=conn.host or "", port=conn.port, username=conn.login or "", schema=self.schema or conn.schema or ""
        )

    def get_cursor(self) -> Any:
        """A cursor of a new connection. Nothing else closes it: call `cursor.connection.close()` when done.

        `run`, `get_records` and `get_records_by_chunks` close everything by themselves.
        """
        return self.get_conn().cursor()

    def get_uri(self) -> str:
        """The connection as a URI, with `schema` of this hook if it was given."""
        return self.sqlalchemy_url.render_as_string(hide_password=False)  # type: ignore[no-any-return]  # SQLAlchemy's

    @property
    def sqlalchemy_url(self) -> Any:
        """The connection as a `sqlalchemy.URL`."""
        from sqlalchemy.engine import make_url

        url = make_url(self.connection.sqlalchemy_url)
        return url.set(database=self.schema) if self.schema else url

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, Any] | None = None) -> Any:
        """A SQLAlchemy engine whose connections come from `get_conn`, hence with the very same settings.

        It keeps no idle connections, unless `engine_kwargs` choose a pool.
        """
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        options: dict[str, Any] = {"creator": self.get_conn, **(engine_kwargs or {})}
        if not any(name.startswith("pool") for name in options):
            options["poolclass"] = NullPool
        return create_engine(self.sqlalchemy_url, **options)

    @property
    def inspector(self) -> Any:
        """SQLAlchemy's inspector: tables, columns, indexes."""
        from sqlalchemy import inspect

        return inspect(self.get_sqlalchemy_engine())

    @property
    def dialect_name(self) -> str:
        """SQLAlchemy's name of the database's dialect."""
        return str(self.sqlalchemy_url.get_backend_name())

    @cached_property
    def dialect(self) -> Dialect:
        return self.dialect_class(self)

    @property
    def reserved_words(self) -> set[str]:
        return self.get_reserved_words(self.dialect_name)

    def get_reserved_words(self, dialect_name: str) -> set[str]:
        """Words that cannot be names without quotes, as SQLAlchemy knows them; empty for a dialect it does not know."""
        from sqlalchemy.dialects import registry
        from sqlalchemy.exc import NoSuchModuleError

        try:
            return set(registry.load(dialect_name).preparer.reserved_words)
        except NoSuchModuleError:
            return set()

    def get_table_schema(self, table: str, schema: str | None = None) -> list[dict[str, str]]:
        """Name and type of each column: `[{"name": "id", "type": "INTEGER"}, ...]`."""
        columns: list[Column] = self.dialect.get_columns(table, schema)
        return [{"name": column["name"], "type": str(column["type"])} for column in columns]

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
            if not self.get_autocommit(conn):
                conn.commit()
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
        """The rows of a query in lists of `chunksize`, never more of them in memory. For reading only.

        The connection is closed after the last list, or when the iteration is given up.
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
        back, and earlier ones stay. `rows` may be any iterable, and only a batch of it is in memory. Further keywords:
        `schema`, and with `replace=True` also `replace_index` and `replace_target` (see `Dialect.generate_replace_sql`).
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
