"""`PostgresHook`: PostgreSQL through psycopg2.

    postgres://login:password@host:5432/database?sslmode=verify-full
    postgres://login:password@first:5432,second:5433/database?target_session_attrs=read-write
    postgres://login@%2Fvar%2Frun%2Fpostgresql/database

Extras are libpq's own keywords and those in `extras.py`. What a method needs from other modules it imports itself, so
that importing the hook costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tradewind.errors import BrokenConnection
from tradewind_postgres.dialect import PostgresDialect
from tradewind_sql.hook import DbApiHook
from tradewind_sql.statements import Syntax

if TYPE_CHECKING:
    import os

    from tradewind.connection import Connection
    from tradewind.transfer import Reader
    from tradewind_sql.hook import Parameters

FileFormat = Literal["text", "csv", "binary"]


class PostgresHook(DbApiHook):
    """Runs SQL on PostgreSQL.

    `database` (or `schema`) takes the place of the connection's own, `options` are command-line options for the server
    ("-c search_path=sales"), `enable_log_db_messages` puts the server's notices into the log, and `sqlalchemy_scheme`
    chooses the driver of the SQLAlchemy engine.
    """

    conn_name_attr = "postgres_conn_id"
    default_conn_name = "postgres_default"
    conn_type = "postgres"
    hook_name = "PostgreSQL"
    supports_autocommit = True
    blocks_signals = True
    dialect: PostgresDialect
    dialect_class = PostgresDialect
    sql_syntax = Syntax(nested_comments=True)
    insert_batch_size = 5000

    def __init__(
        self,
        *args: str,
        database: str | None = None,
        schema: str | None = None,
        options: str | None = None,
        enable_log_db_messages: bool = False,
        sqlalchemy_scheme: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, schema=database or schema, **kwargs)
        self.database = self.schema
        self.options = options
        self.enable_log_db_messages = enable_log_db_messages
        self.sqlalchemy_scheme = sqlalchemy_scheme

    # The connection

    @cached_property
    def _extras(self) -> dict[str, Any]:
        declared = self.connection.type
        if declared is not None and declared.hook and self.connection.conn_type not in (self.conn_type, "generic"):
            raise BrokenConnection(
                f"Connection {self.get_conn_id()!r} is of type {self.connection.conn_type!r}: "
                f"{type(self).__name__} opens {self.conn_type!r} connections only."
            )
        from tradewind.connection.extras import checked
        from tradewind_postgres import extras

        return checked(self.connection.extra_dejson, extras.CONNECTION_TYPE, f"Connection {self.get_conn_id()!r}")

    def _settings(self) -> dict[str, Any]:
        """What libpq is told, without a token of IAM."""
        from tradewind_postgres import connecting

        found = connecting.settings(self.connection, self._extras, self.get_conn_id(), database=self.schema)
        limit = f"-c statement_timeout={round(self.statement_timeout * 1000)}" if self.statement_timeout else ""
        options = " ".join(filter(None, (self.options or found.get("options"), limit)))
        return found | ({"options": options} if options else {})

    @property
    def connection_settings(self) -> dict[str, Any]:
        """Keywords for `psycopg2.connect`: all that the connection and this hook say. They show the password."""
        found = self._settings()
        if self._extras.get("iam"):
            found["user"], found["password"], port = self.get_iam_token(self.connection)
            found.setdefault("port", port)
        return found

    @property
    def is_redshift(self) -> bool:
        """Whether the server is Amazon Redshift, which has no COPY from the client and no ON CONFLICT."""
        return bool(self._extras.get("redshift") or self._extras.get("redshift-serverless"))

    def get_conn(self) -> Any:
        """A new psycopg2 connection. Who asks for it closes it: `with closing(hook.get_conn()) as conn:`."""
        import psycopg2

        from tradewind_postgres import connecting, cursors

        used = self.connection_settings
        try:
            conn = psycopg2.connect(**used, cursor_factory=cursors.row_cursor(self._extras.get("cursor")))
        except (psycopg2.Error, ValueError) as error:
            raise connecting.explained(error, self.get_conn_id(), used) from error
        cursors.read_bytes(conn)
        if self.enable_log_db_messages:
            conn.notices = cursors.Notices()
        return conn

    def get_iam_token(self, conn: Connection) -> tuple[str, str, int]:
        """Login, token and port for a server that knows people by AWS IAM. Needs `tradewind-postgres[iam]`."""
        from tradewind_postgres import iam

        return iam.token(conn, self._extras, self.schema or conn.schema or "")

    @property
    def dialect_name(self) -> str:
        return "postgresql"

    @property
    def sqlalchemy_url(self) -> Any:
        """The connection as a `sqlalchemy.URL`, with the extras that libpq reads."""
        from tradewind_postgres import connecting

        return connecting.sqlalchemy_url(self._settings(), self._extras, self.sqlalchemy_scheme)

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, Any] | None = None) -> Any:
        """A SQLAlchemy engine with the very same settings as `get_conn`; of another driver, those that it knows.

        It keeps no idle connections, unless `engine_kwargs` choose a pool.
        """
        from tradewind_postgres import connecting

        driver = connecting.sqlalchemy_driver(self._extras, self.sqlalchemy_scheme)
        if driver == connecting.LIBPQ_DRIVERS[0]:
            return super().get_sqlalchemy_engine({"creator": self._open_plain, **(engine_kwargs or {})})
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        options: dict[str, Any] = dict(engine_kwargs or {})
        if driver in connecting.LIBPQ_DRIVERS:
            options["connect_args"] = self.connection_settings | options.get("connect_args", {})
        if not any(name.startswith("pool") for name in options):
            options["poolclass"] = NullPool
        return create_engine(self.sqlalchemy_url, **options)

    def _open_plain(self) -> Any:
        """A connection for SQLAlchemy, which needs tuples."""
        conn = self._open()
        conn.cursor_factory = None
        return conn

    # Statements

    def _set_statement_timeout(self, conn: Any, seconds: float) -> None:
        """Nothing to do: the server was told when the connection was opened."""

    def _timed_out(self, conn: Any, error: Exception) -> bool:
        return getattr(error, "pgcode", None) == "57014" and "statement timeout" in str(error)

    def _stream_cursor(self, conn: Any, statement: str) -> Any:
        from tradewind_postgres import cursors

        return cursors.stream_cursor(conn, statement, self.sql_syntax)

    def _column_types(self, description: Sequence[Sequence[Any]]) -> list[type | None]:
        from tradewind_postgres import cursors

        return [cursors.PYTHON_TYPES.get(column[1]) for column in description]

    def query_reader(self, sql: str, parameters: Parameters | None = None) -> Reader:
        from tradewind_postgres.table_reader import PostgresQueryReader

        return super().query_reader(sql, parameters) if self.is_redshift else PostgresQueryReader(self, sql, parameters)

    @staticmethod
    def _serialize_cell(cell: Any, conn: Any = None) -> Any:
        """What psycopg2 has no words for: dicts become JSON, UUIDs, paths and addresses text, enums their value."""
        from tradewind_postgres.encoding import adapted

        return adapted(cell)

    @contextmanager
    def _create_autocommit_connection(
        self, autocommit: bool = False, *, streaming: bool = False
    ) -> Generator[Any, None, None]:
        with super()._create_autocommit_connection(autocommit, streaming=streaming) as conn:
            try:
                yield conn
            finally:
                self.get_db_log_messages(conn)

    def _hide_values(self, error: Exception, statement: str) -> None:
        import psycopg2

        from tradewind_postgres.diagnostics import without_values

        if isinstance(error, psycopg2.Error) and error.diag.sqlstate:
            error.args = (without_values(error, statement),)

    def get_db_log_messages(self, conn: Any) -> None:
        """Log the server's notices on `conn`, with `enable_log_db_messages`."""
        if self.enable_log_db_messages:
            for notice in conn.notices[:]:
                self.log.info("%s", notice.strip())
            del conn.notices[:]

    # Tables

    def get_table_primary_key(self, table: str, schema: str | None = "public") -> list[str] | None:
        """Columns of the primary key in its order; None if there is none. `schema` is for tables that name none."""
        own = self.dialect.extract_schema_from_table(table)[1]
        return self.dialect.get_primary_keys(table, None if own else schema) or None

    def chooses_format(self, replace: bool) -> bool:
        """Whether the user wrote a statement for inserts or replaces, which COPY must not take the place of."""
        names = ["insert_statement_format", *(["replace_statement_format"] if replace else [])]
        return any(getattr(self, "_" + name) or self.connection_extra.get(name) for name in names)

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
        """Insert rows (sequences, or mappings of column to value) by COPY and return how many.

        A transaction holds `commit_every` rows, all of them if it is 0; when a row fails, its transaction is rolled
        back, and earlier ones stay. With `replace=True` rows whose key is there update it, and of several rows with
        one key the last one counts: `replace_index` is the key (default: the primary key), `replace_target` the
        columns to update (default: all but the key; `[]`: old rows stay as they are). `schema=` is that of the table.
        Without `target_fields` values fill the table's columns from the first one on.
        """
        from tradewind_postgres.inserts import PostgresInsert

        insert = PostgresInsert(self, table, target_fields, replace=replace, options=kwargs)
        return insert.run(
            rows,
            commit_every=commit_every,
            executemany=executemany,
            fast_executemany=fast_executemany,
            autocommit=autocommit,
        )

    def upsert_rows(
        self,
        table: str,
        rows: Iterable[Any],
        target_fields: Iterable[str],
        conflict_fields: str | Iterable[str],
        update_fields: Iterable[str] | None = None,
        commit_every: int = 1000,
        *,
        fast_executemany: bool = False,
        autocommit: bool = False,
        **kwargs: Any,
    ) -> int:
        """Insert rows, and update those whose `conflict_fields` are there already; returns how many rows were given.

        `update_fields` are the columns to update: all others by default, none if it is empty. Of several rows with the
        same key the last one counts.
        """
        return self.insert_rows(
            table,
            rows,
            target_fields,
            commit_every,
            replace=True,
            fast_executemany=fast_executemany,
            autocommit=autocommit,
            replace_index=conflict_fields,
            replace_target=update_fields,
            **kwargs,
        )

    # Files

    def copy_expert(self, sql: str, filename: Any) -> int:
        """Execute COPY ... FROM STDIN or COPY ... TO STDOUT, and return the number of rows.

        `filename` is a path, a file object, or for FROM STDIN any iterable of texts or bytes. A file that is read must
        be there, and is opened for reading only; one that is written appears when it is complete.
        """
        from tradewind_postgres import copying

        return copying.copy(self, sql, filename)

    def bulk_load(self, table: str, tmp_file: str | os.PathLike[str], *, format: FileFormat = "text") -> int:
        """Load a file as `bulk_dump` writes it into a table, all or nothing; returns the number of rows."""
        from tradewind_postgres import copying

        return copying.load(self, table, tmp_file, format)

    def bulk_dump(self, table: str, tmp_file: str | os.PathLike[str], *, format: FileFormat = "text") -> int:
        """Write a table or view to a file, which appears when it is complete; returns the number of rows.

        `text` is a line per row with a tab between values and `\\N` for NULL, `csv` has a first line with the columns'
        names, `binary` is PostgreSQL's own.
        """
        from tradewind_postgres import copying

        return copying.dump(self, table, tmp_file, format)


def sqlalchemy_url(connection: Connection) -> str:
    """The URL that leads SQLAlchemy to the same database as `PostgresHook`. It shows the password."""
    return str(PostgresHook(connection=connection).sqlalchemy_url.render_as_string(hide_password=False))
