"""How a hook reaches its database: its connection, the formats of its SQL, and SQLAlchemy for who wants it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.errors import BrokenConnection
from tradewind.hook import BaseHook
from tradewind_sql import statements
from tradewind_sql.dialect import Column, Dialect

if TYPE_CHECKING:
    from tradewind.connection import Connection
    from tradewind_sql.lending import Shared

#: Placeholders that a connection may choose with its extra `placeholder`.
PLACEHOLDERS = ("%s", "?")


class DatabaseAccess(BaseHook):
    """The half of `DbApiHook` that does not execute anything."""

    default_conn_name = "default_conn_id"
    supports_autocommit: bool = False  #: the driver's connections can be switched to commit every statement
    supports_executemany: bool = True  #: False: rows are inserted one by one
    insert_batch_size: int = 1000  #: rows of `insert_rows` in memory at once, and given to `_insert_batch`
    rows_per_statement: int = 1  #: rows that one INSERT carries, for a driver that is slow with one after the other
    reads_block_writes: ClassVar[bool] = False  #: who reads a query's rows keeps other connections from writing
    strip_semicolon: bool = False  #: the database dislikes a semicolon at the end of a statement
    connector: Any = None  #: the object with `connect`, where `get_conn` is not overridden
    dialect_class: type[Dialect] = Dialect
    sql_syntax: ClassVar[statements.Syntax] = statements.STANDARD  #: how text is split into statements
    native_types: ClassVar[frozenset[type]] = frozenset()  #: values that need no `_serialize_cell`
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
        statement_timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if len(args) > 1:
            raise TypeError(f"{type(self).__name__} takes one positional argument, the connection id; got {len(args)}")
        given = args[0] if args else kwargs.get(self.conn_name_attr)
        setattr(self, self.conn_name_attr, given or (connection and connection.conn_id) or self.default_conn_name)
        self.schema = schema
        self.log_sql = log_sql
        #: `cursor.description` of each statement that the last `run` took a result from
        self.descriptions: list[Sequence[Sequence[Any]] | None] = []
        self._connection = connection
        self._insert_statement_format = insert_statement_format
        self._replace_statement_format = replace_statement_format
        self._escape_word_format = escape_word_format
        self._escape_column_names = escape_column_names
        self._statement_timeout = statement_timeout
        self._sessions: dict[int, Shared] = {}  #: thread -> the connection that its calls share
        self._running: list[Any] = []  #: connections that a call uses right now
        self._cancelled: list[Any] = []  #: those of them that `cancel` has stopped

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

    @property
    def statement_timeout(self) -> float | None:
        """Seconds after which the server gives up a statement; None or 0: never."""
        chosen = self._statement_timeout
        seconds = self.connection_extra.get("statement_timeout") if chosen is None else chosen
        if seconds is not None and seconds < 0:
            raise BrokenConnection(
                f"Connection {self.get_conn_id()!r}: statement_timeout={seconds!r} must be a number of seconds."
            )
        return seconds

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

    def _open(self) -> Any:
        """`get_conn`, with what the hook itself sets."""
        return self.get_conn()

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
        """A SQLAlchemy engine whose connections are opened as the hook's own, hence with the very same settings.

        It keeps no idle connections, unless `engine_kwargs` choose a pool.
        """
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        options: dict[str, Any] = {"creator": self._open, **(engine_kwargs or {})}
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
        return self.dialect_class(self)  # type: ignore[arg-type]  # only DbApiHook is this half

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
