"""`MySqlHook`: MySQL and MariaDB through PyMySQL.

What it takes to open, load and dump lies in modules that are loaded when they are needed: a DAG file that imports the
hook pays for little more than `DbApiHook`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind_mysql import values
from tradewind_sql import DbApiHook
from tradewind_sql.statements import Syntax

if TYPE_CHECKING:
    from tradewind.connection import Connection
    from tradewind.transfer import Reader
    from tradewind_mysql.dialect import MySqlDialect
    from tradewind_mysql.server import Server
    from tradewind_sql.hook import Parameters
    from tradewind_sql.inserts import InsertTarget

INSERT_FORMAT = "INSERT INTO {} {} VALUES ({})"
REPLACE_FORMAT = "REPLACE INTO {} {} VALUES ({})"

#: Errors that mean that a statement took longer than its limit: MariaDB's, and MySQL's.
_TIMED_OUT = (1969, 3024)

#: Whoever stops a statement is on the way out: a server that does not answer is waited for no longer, in seconds.
_KILL_TIMEOUT = 30


class MySqlHook(DbApiHook):
    """Runs SQL on MySQL or MariaDB.

    `schema` is another database than the connection's; `init_command` is SQL that each new connection executes first.
    `local_infile=True` allows LOAD DATA LOCAL in any SQL, whose files PyMySQL then opens by the name that the server
    asks for. `bulk_load` and `insert_rows` do not need that: they answer with nothing but their own stream, and only
    `local_infile=False` takes it from them.
    """

    conn_name_attr = "mysql_conn_id"
    default_conn_name = "mysql_default"
    conn_type = "mysql"
    hook_name = "MySQL"
    supports_autocommit = True
    sql_syntax: ClassVar[Syntax] = Syntax(backslash_escapes=True, hash_comments=True, spaced_dashes=True)
    native_types = values.NATIVE

    def __init__(
        self, *args: str, local_infile: bool | None = None, init_command: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._local_infile = local_infile
        self.init_command = init_command

    # The connection

    @property
    def local_infile(self) -> bool | None:
        """Whether LOAD DATA LOCAL is allowed everywhere (True), nowhere (False), or to this hook only (None)."""
        chosen = self._local_infile
        given: bool | None = self.connection_extra.get("local_infile") if chosen is None else chosen
        return given

    @property
    def escape_word_format(self) -> str:
        return self._format("escape_word_format", "`{}`")

    @property
    def has_usual_statements(self) -> bool:
        """Whether rows are inserted by INSERT and REPLACE as they are, and not by a form of the user's."""
        return (self.insert_statement_format, self.replace_statement_format) == (INSERT_FORMAT, REPLACE_FORMAT)

    def get_conn(self) -> Any:
        """A new PyMySQL connection. Who asks for it closes it: `with closing(hook.get_conn()) as conn:`.

        Raises BrokenConnection for settings that cannot be meant, ConnectionFault if the server is not to be reached.
        """
        from tradewind_mysql import connecting

        return connecting.open_for(self)

    def get_iam_token(self, conn: Connection) -> tuple[str, int]:
        """A token of AWS IAM that serves as password for a quarter of an hour, and the port; see the extra `iam`."""
        from tradewind_mysql import connecting
        from tradewind_sql import iam

        port = conn.port or 3306
        return iam.rds_token(conn, connecting.known_extras(conn, self.get_conn_id()), port), port

    def get_uri(self) -> str:
        """The connection as a URL for SQLAlchemy. It shows the password."""
        from tradewind_mysql import connecting

        return connecting.sqlalchemy_url(self.connection, self.schema, self.get_conn_id())

    @property
    def sqlalchemy_url(self) -> Any:
        """The connection as a `sqlalchemy.URL`."""
        from sqlalchemy.engine import make_url

        url = make_url(self.get_uri())
        name = self.schema or self.connection.schema
        return url.set(database=name) if name else url  # SQLAlchemy 2.0 does not decode it in a text

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, Any] | None = None) -> Any:
        return super().get_sqlalchemy_engine({"creator": self._open_plain, **(engine_kwargs or {})})

    def _open_plain(self) -> Any:
        """A connection whose rows are tuples, whatever the connection's `cursor`: SQLAlchemy needs it so."""
        from pymysql.cursors import Cursor

        conn = self._open()
        conn.cursorclass = Cursor
        return conn

    @cached_property
    def server(self) -> Server:
        """What the server is: MySQL or MariaDB, and how old."""
        with self._create_autocommit_connection() as conn:
            return self._server_of(conn)

    def _server_of(self, conn: Any) -> Server:
        from tradewind_mysql.server import Server

        return Server.from_text(conn.get_server_info())

    @cached_property
    def dialect(self) -> MySqlDialect:
        from tradewind_mysql.dialect import MySqlDialect

        return MySqlDialect(self)

    def set_autocommit(self, conn: Any, autocommit: bool) -> None:
        """Whether each statement on `conn` commits itself."""
        conn.autocommit(autocommit)

    def get_autocommit(self, conn: Any) -> bool:
        return bool(conn.get_autocommit())

    # Running

    def query(self, conn: Any, sql: str) -> Sequence[Sequence[Any]]:
        """The rows of a small query about the server, as tuples, with nothing logged."""
        from pymysql.cursors import Cursor

        with closing(conn.cursor(Cursor)) as cursor:
            self._attended(conn, lambda: cursor.execute(sql))
            found: Sequence[Sequence[Any]] = cursor.fetchall()
            return found

    def describe(self, conn: Any, sql: str) -> Sequence[Sequence[Any]]:
        """What the columns of a query are, as in `cursor.description`."""
        from pymysql.cursors import Cursor

        with closing(conn.cursor(Cursor)) as cursor:
            self._attended(conn, lambda: cursor.execute(sql))
            return cursor.description or ()

    def rows_as_dicts(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a statement as dicts, whatever the connection's `cursor`."""
        found: Any = self.run(sql, handler=_as_dicts)
        return list(found)

    def _run_command(self, cursor: Any, sql_statement: str, parameters: Any) -> None:
        from tradewind_mysql import diagnostics

        super()._run_command(cursor, sql_statement, parameters)
        diagnostics.log_warnings(self, cursor)

    def _hide_values(self, error: Exception, statement: str) -> None:
        from tradewind_mysql import diagnostics

        diagnostics.hide_values(error, statement)

    def _stream_cursor(self, conn: Any, statement: str) -> Any:
        from tradewind_mysql.streams import Stream

        return Stream(conn, lambda: self._stop_reading(conn))

    def query_reader(self, sql: str, parameters: Parameters | None = None) -> Reader:
        from tradewind_mysql.table_reader import MySqlQueryReader

        return MySqlQueryReader(self, sql, parameters)

    def _stop_reading(self, conn: Any) -> None:
        with suppress(Exception):  # then the rest is read in vain
            self._cancel(conn)

    def _column_types(self, description: Sequence[Sequence[Any]]) -> list[type | None]:
        from tradewind_mysql import columns

        return columns.kinds(description)

    def _adapt_parameters(self, parameters: Parameters | None) -> tuple[Any, ...] | dict[str, Any] | None:
        """Lists and tuples stay such: `WHERE id IN %s` is PyMySQL's way to write several values."""
        if isinstance(parameters, Mapping):
            return {name: _parameter(value) for name, value in parameters.items()}
        if parameters is None or isinstance(parameters, str | bytes):
            return super()._adapt_parameters(parameters)
        return tuple(_parameter(value) for value in parameters)

    @staticmethod
    def _serialize_cell(cell: Any, conn: Any = None) -> Any:
        """Datetimes with a zone in UTC, lists, tuples and dicts as JSON, timedeltas and UUIDs as text; no NaN."""
        return values.adapt(cell)

    # Stopping

    def _set_statement_timeout(self, conn: Any, seconds: float) -> None:
        self.query(conn, self._server_of(conn).timeout_statement(seconds))

    def _timed_out(self, conn: Any, error: Exception) -> bool:
        return isinstance(error, conn.Error) and bool(error.args) and error.args[0] in _TIMED_OUT

    def _cancel(self, conn: Any) -> None:
        """KILL QUERY, from another connection."""
        from pymysql.cursors import Cursor

        with closing(self.get_conn()) as other, closing(other.cursor(Cursor)) as cursor:
            other._read_timeout = _KILL_TIMEOUT
            cursor.execute(f"KILL QUERY {conn.thread_id():d}")

    # Rows and files in bulk

    def upsert_rows(
        self,
        table: str,
        rows: Iterable[Any],
        target_fields: Iterable[str],
        conflict_fields: str | Iterable[str],
        update_fields: Iterable[str] | None = None,
        commit_every: int = 1000,
        **kwargs: Any,
    ) -> int:
        """Insert rows, or change those that have the same `conflict_fields` (the columns of a unique index).

        `update_fields` are the columns that change in old rows: by default all other `target_fields`, none if empty.
        Further keywords are those of `insert_rows`. Returns how many rows were given.
        """
        return self.insert_rows(
            table,
            rows,
            target_fields,
            commit_every,
            replace=True,
            replace_index=conflict_fields,
            replace_target=update_fields,
            **kwargs,
        )

    def _insert_batches(self, cursor: Any, target: InsertTarget, batches: Iterator[list[tuple[Any, ...]]]) -> None:
        from tradewind_mysql import rows

        if self._shared is not None:
            super()._insert_batches(cursor, target, batches)
            return
        conn, first = cursor.connection, next(batches)
        left = chain([first], batches)
        if not (rows.can_load(self, conn, target, len(first)) and rows.load_many(self, conn, target, left)):
            for batch in left:
                super()._insert_batch(cursor, target, batch)

    def _insert_batch(self, cursor: Any, target: InsertTarget, batch: list[tuple[Any, ...]]) -> None:
        from tradewind_mysql import rows

        conn = cursor.connection
        if not (rows.can_load(self, conn, target, len(batch)) and rows.load_many(self, conn, target, [batch])):
            super()._insert_batch(cursor, target, batch)

    def _execute_many(self, cursor: Any, statement: str, batch: list[tuple[Any, ...]]) -> None:
        from tradewind_mysql import rows

        rows.insert_many(self, cursor, statement, batch)

    def bulk_load(self, table: str, tmp_file: str) -> int:
        """Load a file as `bulk_dump` writes it, with LOAD DATA LOCAL, all or nothing; returns the number of rows.

        A line per row, a tab between values, `\\N` for NULL, backslash escapes, UTF-8: the form of
        `SELECT ... INTO OUTFILE` and `mysqldump --tab`. Raises the driver's error if a value does not fit or a row
        collides with another one, which LOAD DATA LOCAL itself would only warn of.
        """
        from tradewind_mysql import files

        return files.load_file(self, table, tmp_file)

    def bulk_load_custom(
        self, table: str, tmp_file: str, duplicate_key_handling: str = "IGNORE", extra_options: str = ""
    ) -> int:
        """Load a file with LOAD DATA LOCAL in a form of your own; returns how many rows it put into the table.

        `duplicate_key_handling` is IGNORE or REPLACE. `extra_options` is SQL that follows the table's name, such as
        `CHARACTER SET utf8mb4 FIELDS TERMINATED BY ';' IGNORE 1 LINES`; it is executed as it stands. What the server
        warns of is logged.
        """
        from tradewind_mysql import files

        return files.load_custom(self, table, tmp_file, duplicate_key_handling, extra_options)

    def bulk_dump(self, table: str, tmp_file: str) -> int:
        """Write a table to a file of this machine, in the form that `bulk_load` reads; returns the number of rows.

        All columns are in it but those that the database computes. The file appears when it is complete.
        """
        from tradewind_mysql import files

        return files.dump(self, table, tmp_file)


def _as_dicts(cursor: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(row) if isinstance(row, Mapping) else dict(zip(names, row)) for row in cursor.fetchall()]


def _parameter(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(values.adapt(item) for item in value)
    return values.adapt(value)
