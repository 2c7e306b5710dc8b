"""`MySqlHook`: MySQL and MariaDB through PyMySQL."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from typing import Any, ClassVar

from tradewind_mysql import connecting, diagnostics, dump, iam, load, rows, values
from tradewind_mysql.dialect import MySqlDialect
from tradewind_mysql.server import Server
from tradewind_mysql.streams import Stream
from tradewind_sql import DbApiHook
from tradewind_sql.errors import SqlError
from tradewind_sql.hook import Parameters
from tradewind_sql.inserts import InsertTarget
from tradewind_sql.statements import Syntax

INSERT_FORMAT = "INSERT INTO {} {} VALUES ({})"
REPLACE_FORMAT = "REPLACE INTO {} {} VALUES ({})"

#: How rows that are there already are treated by `bulk_load_custom`.
DUPLICATES = ("IGNORE", "REPLACE")

#: Errors that mean that a statement took longer than its limit: MariaDB's, and MySQL's.
_TIMED_OUT = (1969, 3024)


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
    insert_batch_size = 10_000

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
        from pymysql import cursors
        from pymysql.constants import CLIENT

        found = connecting.settings(self.connection, conn_id=self.get_conn_id(), schema=self.schema)
        extras = self.connection_extra
        if extras.get("iam"):
            found["password"], found["port"] = self.get_iam_token()
        if self.init_command:
            found["init_command"] = self.init_command
        found["local_infile"] = bool(self.local_infile)
        if self.local_infile is not False:  # the server may send LOAD DATA LOCAL's request; only `load` answers
            found["client_flag"] = found.get("client_flag", 0) | CLIENT.LOCAL_FILES
        kinds = {
            "dictcursor": cursors.DictCursor,
            "sscursor": cursors.SSCursor,
            "ssdictcursor": cursors.SSDictCursor,
        }
        found["cursorclass"] = kinds.get(extras.get("cursor", ""), cursors.Cursor)
        return connecting.connect(found, self.get_conn_id())

    def get_iam_token(self) -> tuple[str, int]:
        """A token of AWS IAM that serves as password for a while, and the port; see the extra `iam`."""
        extras = connecting.known_extras(self.connection, self.get_conn_id())
        return iam.token(self.connection, extras, self.get_conn_id(), self.get_connection)

    def get_uri(self) -> str:
        """The connection as a URL for SQLAlchemy. It shows the password."""
        return connecting.sqlalchemy_url(self.connection, self.schema, self.get_conn_id())

    @property
    def sqlalchemy_url(self) -> Any:
        """The connection as a `sqlalchemy.URL`."""
        from sqlalchemy.engine import make_url

        return make_url(self.get_uri())

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
            return Server.from_text(conn.get_server_info())

    def set_autocommit(self, conn: Any, autocommit: bool) -> None:
        """Whether each statement on `conn` commits itself."""
        conn.autocommit(autocommit)

    def get_autocommit(self, conn: Any) -> bool:
        return bool(conn.get_autocommit())

    @cached_property
    def dialect(self) -> MySqlDialect:
        return MySqlDialect(self)

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

    def _run_command(self, cursor: Any, sql_statement: str, parameters: Any) -> None:
        super()._run_command(cursor, sql_statement, parameters)
        self.log_warnings(cursor)

    def log_warnings(self, cursor: Any) -> None:
        """Log what the server warned of, without values. Rows that are still on their way must not be disturbed."""
        from pymysql.cursors import SSCursor

        if not cursor.warning_count or isinstance(cursor, SSCursor):
            return
        for warning in list(diagnostics.warnings_of(cursor.connection))[: diagnostics.MOST]:
            log = self.log.info if warning.level == "Note" else self.log.warning
            log("Connection %r: the server says: %s", self.get_conn_id(), warning)
        left = cursor.warning_count - diagnostics.MOST
        if left > 0:
            self.log.warning("Connection %r: and %s more.", self.get_conn_id(), left)

    def _stream_cursor(self, conn: Any, statement: str) -> Any:
        return Stream(conn, lambda: self._stop_reading(conn))

    def _stop_reading(self, conn: Any) -> None:
        with suppress(Exception):  # then the rest is read in vain
            self._cancel(conn)

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
        self.query(conn, Server.from_text(conn.get_server_info()).timeout_statement(seconds))

    def _timed_out(self, conn: Any, error: Exception) -> bool:
        return isinstance(error, conn.Error) and error.args[:1] and error.args[0] in _TIMED_OUT

    def _cancel(self, conn: Any) -> None:
        """KILL QUERY, from another connection."""
        from pymysql.cursors import Cursor

        with closing(self.get_conn()) as other, closing(other.cursor(Cursor)) as cursor:
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

    def _insert_batch(self, cursor: Any, target: InsertTarget, batch: list[tuple[Any, ...]]) -> None:
        conn = cursor.connection
        if len(batch) >= rows.LOAD_FROM and rows.can_load(self, conn, target):
            rows.load_many(self, conn, target, batch)
        else:
            super()._insert_batch(cursor, target, batch)

    def _execute_many(self, cursor: Any, statement: str, batch: list[tuple[Any, ...]]) -> None:
        rows.insert_many(self, cursor, statement, batch)

    def bulk_load(self, table: str, tmp_file: str) -> int:
        """Load a file as `bulk_dump` writes it, with LOAD DATA LOCAL, all or nothing; returns the number of rows.

        A line per row, a tab between values, `\\N` for NULL, backslash escapes, UTF-8: the form of
        `SELECT ... INTO OUTFILE` and `mysqldump --tab`. Raises the driver's error if a value does not fit or a row
        collides with another one, which LOAD DATA LOCAL itself would only warn of.
        """
        fields = self.dialect.get_insertable_fields(table)
        names = ", ".join(self.dialect.quote(field) for field in fields)
        into = f"INTO TABLE {self.dialect.table_name(table)} {load.FORMAT} ({names})"
        return self._load_file(table, tmp_file, into, strict=True).rows

    def bulk_load_custom(
        self, table: str, tmp_file: str, duplicate_key_handling: str = "IGNORE", extra_options: str = ""
    ) -> int:
        """Load a file with LOAD DATA LOCAL in a form of your own; returns the number of rows that are in the table now.

        `duplicate_key_handling` is IGNORE or REPLACE. `extra_options` is SQL that follows the table's name, such as
        `CHARACTER SET utf8mb4 FIELDS TERMINATED BY ';' IGNORE 1 LINES`; it is executed as it stands. What the server
        warns of is logged.
        """
        handling = duplicate_key_handling.strip().upper()
        if handling not in DUPLICATES:
            raise SqlError(
                f"duplicate_key_handling={duplicate_key_handling!r} for {table} must be one of {', '.join(DUPLICATES)}."
            )
        into = f"{handling} INTO TABLE {self.dialect.table_name(table)} {extra_options}"
        loaded = self._load_file(table, tmp_file, into, strict=False)
        return loaded.rows - loaded.skipped

    def _load_file(self, table: str, path: str, into: str, *, strict: bool) -> load.Loaded:
        if self.local_infile is False:
            raise SqlError(
                f"Connection {self.get_conn_id()!r}: local_infile=False forbids LOAD DATA LOCAL, by which {table} is "
                "to be loaded. Leave it out, or use insert_rows."
            )
        with _opened(path, table) as file, self._create_autocommit_connection() as conn:
            statement = f"LOAD DATA LOCAL INFILE {conn.escape(str(path))} {into}"
            self.log.info("Running statement: %s", statement)
            with self.without_notes(conn), self._explained(statement):
                loaded = self._attended(conn, lambda: load.send(conn, statement, load.file_blocks(file)))
                if strict:
                    load.refuse_losses(loaded)
            self.log_loaded(loaded, table)
            self._commit(conn)
        return loaded

    def log_loaded(self, loaded: load.Loaded, table: str) -> None:
        """Log what became of the rows, loudly if it was not what one expects."""
        lost = loaded.count or loaded.skipped
        told = "; ".join(map(str, loaded.warnings[: diagnostics.MOST]))
        self.log.log(30 if lost else 20, "Loaded into %s: %s%s", table, loaded, f": {told}" if told else "")

    @contextmanager
    def without_notes(self, conn: Any) -> Generator[None, None, None]:
        """In the block the server counts only what is worth a warning; a rounded decimal is not."""
        [[before]] = self.query(conn, "SELECT @@sql_notes")
        self.query(conn, "SET SESSION sql_notes = 0")
        try:
            yield
        finally:
            with suppress(conn.Error):  # the connection may be gone
                self.query(conn, f"SET SESSION sql_notes = {int(before):d}")

    def bulk_dump(self, table: str, tmp_file: str) -> int:
        """Write a table to a file of this machine, in the form that `bulk_load` reads; returns the number of rows.

        All columns are in it but those that the database computes. The file appears when it is complete.
        """
        return dump.dump(self, table, tmp_file)

    def rows_as_dicts(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a statement as dicts, whatever the connection's `cursor`."""
        found: Any = self.run(sql, handler=_as_dicts)
        return list(found)


def _as_dicts(cursor: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(row) if isinstance(row, Mapping) else dict(zip(names, row)) for row in cursor.fetchall()]


def _parameter(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(values.adapt(item) for item in value)
    return values.adapt(value)


@contextmanager
def _opened(path: str, table: str) -> Iterator[Any]:
    from pathlib import Path

    try:
        file = Path(path).open("rb")  # noqa: SIM115  # only the opening is in the try
    except OSError as error:
        raise SqlError(f"The file {path!r} cannot be loaded into {table}: {error.strerror or error}.") from error
    with file:
        yield file
