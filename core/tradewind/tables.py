"""The tables of the metadata database, in SQLAlchemy Core.

What is here is what the newest migration leaves behind; a test compares the two. Only `store` and `migrations` import
this module. Everything is written so that SQLite, PostgreSQL and MySQL take it as it stands: keys have a length, JSON
is text, and moments are exact to the microsecond everywhere.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

#: Longest DAG, run, task and connection id, in characters.
ID_LENGTH = 250
#: Longest path of a DAG file: the longest text that MySQL takes as a primary key is 768 characters.
PATH_LENGTH = 700


class Moment(TypeDecorator[datetime.datetime]):
    """An aware moment, in UTC, exact to the microsecond. A datetime without a time zone is refused.

    SQLite has no type for it: there it is text that sorts by time, and that SQLite's own date functions can read.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import DATETIME

            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; moments in the metadata database need one")
        moment = value.astimezone(datetime.UTC)
        if dialect.name == "sqlite":
            return moment.isoformat(" ", "microseconds")
        return moment.replace(tzinfo=None) if dialect.name in ("mysql", "mariadb") else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime.datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.datetime.fromisoformat(value)
        moment: datetime.datetime = value
        return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment.astimezone(datetime.UTC)


class Name(TypeDecorator[str]):
    """Text that is a key: compared and sorted letter by letter, which servers do only when told so."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        length = self.impl_instance.length  # type: ignore[attr-defined]
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(String(length, collation="utf8mb4_bin"))
        if dialect.name == "postgresql":
            return dialect.type_descriptor(String(length, collation="C"))
        return dialect.type_descriptor(String(length))


class LongText(TypeDecorator[str]):
    """Text of any length; MySQL's TEXT would end at 64 kB.

    Half characters (from file names that are not UTF-8, say) are written as `?`, and so are NULs where PostgreSQL takes
    none: the reason why a task failed must be kept, whatever is in it.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import LONGTEXT

            return dialect.type_descriptor(LONGTEXT())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if dialect.name == "postgresql" and "\0" in value:
            value = value.replace("\0", "?")
        return value if value.isascii() else value.encode("utf-8", "replace").decode()


#: Names every constraint, so that a later migration can drop it on any database.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)


@event.listens_for(metadata, "before_create")
def _give_options(made: MetaData, connection: Connection, **_: Any) -> None:
    """Tell a database that is about to make the tables what it alone understands: it stands in their `info` till then.

    For each such option SQLAlchemy loads the dialect that it is for. Three dialects are a sixth of what a command takes
    to start.
    """
    tables = made.tables.values()
    items: list[Table | Index] = [*tables, *(index for table in tables for index in table.indexes)]
    for item in items:
        mine = {name: value for name, value in item.info.items() if name.startswith(f"{connection.dialect.name}_")}
        item.dialect_kwargs.update(mine)


def _only(condition: str) -> dict[str, Any]:
    """Of an index that holds these rows only, where the database can have such."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


#: What MySQL must be told of each table: its own choice of characters may be a small one.
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def _run_key() -> Column[int]:
    """First part of the key of everything that belongs to a run and is deleted with it."""
    return Column("run", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


dags = Table(
    "dags",
    metadata,
    Column("dag_id", Name(ID_LENGTH), primary_key=True),
    Column("path", Name(PATH_LENGTH), nullable=False),
    Column("version", Name(16), nullable=False),  # the newest one
    Column("file_hash", Name(16), nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),  # its file still has it
    Column("last_interval_end", Moment),
    Column("last_logical_date", Moment),
    Index("ix_dags_path", "path"),
    info=MYSQL,
)

dag_versions = Table(
    "dag_versions",
    metadata,
    Column("dag_id", Name(ID_LENGTH), primary_key=True),
    Column("version", Name(16), primary_key=True),
    Column("path", Name(PATH_LENGTH), nullable=False),
    Column("file_hash", Name(16), nullable=False),  # the newest content that makes this version
    Column("spec", LongText, nullable=False),
    Column("saved_at", Moment, nullable=False),
    Index("ix_dag_versions_version", "version"),
    info=MYSQL,
)

#: Contents of DAG files, kept as long as a version needs them.
sources = Table(
    "sources",
    metadata,
    Column("hash", Name(16), primary_key=True),
    Column("content", LongText, nullable=False),
    Column("saved_at", Moment, nullable=False),
    info=MYSQL,
)

files = Table(
    "files",
    metadata,
    Column("path", Name(PATH_LENGTH), primary_key=True),
    Column("hash", Name(16), nullable=False),  # empty: to be read again, although it did not change
    Column("parsed_at", Moment, nullable=False),
    Column("seconds", Float, nullable=False),
    info=MYSQL,
)

import_failures = Table(
    "import_failures",
    metadata,
    Column("path", Name(PATH_LENGTH), primary_key=True),
    Column("error", LongText, nullable=False),
    Column("traceback", LongText, nullable=False),
    Column("line", Integer),
    Column("taken", LongText, nullable=False),  # JSON list: DAG ids refused, for another file has them
    info=MYSQL,
)

#: Most runs are over, and belong to nobody.
OWNED_SQL = "owner IS NOT NULL"

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dag_id", Name(ID_LENGTH), nullable=False),
    Column("run_id", Name(ID_LENGTH), nullable=False),
    Column("type", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("logical_date", Moment, nullable=False),
    Column("data_interval_start", Moment, nullable=False),
    Column("data_interval_end", Moment, nullable=False),
    Column("version", Name(16), nullable=False),
    Column("queued_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("conf", LongText, nullable=False),
    Column("owner", Name(ID_LENGTH)),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("callback_due", Boolean, nullable=False, server_default=false()),
    Column("reason", LongText, nullable=False),
    UniqueConstraint("dag_id", "run_id"),
    Index("ix_runs_dag_id_logical_date", "dag_id", "logical_date"),
    Index("ix_runs_logical_date", "logical_date"),
    Index("ix_runs_state", "state"),
    Index("ix_runs_callback_due", "callback_due"),
    Index("ix_runs_owner", "owner", info=_only(OWNED_SQL)),
    # An id is never used twice: a scheduler that wakes up late must not write to a run that took a deleted one's id.
    info={"sqlite_autoincrement": True, **MYSQL},
)

#: States in which somebody may have to look after a task instance without knowing its run.
HELD_SQL = "state IN ('queued', 'running', 'restarting')"

task_instances = Table(
    "task_instances",
    metadata,
    _run_key(),
    Column("task_id", Name(ID_LENGTH), primary_key=True),
    Column("map_index", Integer, primary_key=True),
    Column("state", String(32)),
    Column("try_number", Integer, nullable=False, server_default=text("0")),
    Column("max_tries", Integer, nullable=False, server_default=text("0")),
    Column("dispatch", Integer, nullable=False, server_default=text("0")),
    Column("scheduled_at", Moment),
    Column("queued_at", Moment),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("next_at", Moment),
    Column("heartbeat_at", Moment),
    Column("host", String(ID_LENGTH)),
    Column("pid", Integer),
    Column("process", String(ID_LENGTH)),
    Column("skips", LongText),  # JSON list; null: none
    Column("reason", LongText),  # null: none
    # Of sensors that give their place back: which try the next two are about, how often it did, since when it looks.
    Column("looks_try", Integer),
    Column("looks", Integer),
    Column("first_look_at", Moment),
    Index("ix_task_instances_held", "state", info=_only(HELD_SQL)),
    info={"sqlite_with_rowid": False, **MYSQL},
)

attempts = Table(
    "attempts",
    metadata,
    _run_key(),
    Column("task_id", Name(ID_LENGTH), primary_key=True),
    Column("map_index", Integer, primary_key=True),
    Column("dispatch", Integer, primary_key=True),
    Column("try_number", Integer, nullable=False),
    Column("state", String(32)),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("host", String(ID_LENGTH)),
    Column("pid", Integer),
    Column("reason", LongText),
    info={"sqlite_with_rowid": False, **MYSQL},
)

xcoms = Table(
    "xcoms",
    metadata,
    _run_key(),
    Column("task_id", Name(ID_LENGTH), primary_key=True),
    Column("map_index", Integer, primary_key=True),
    Column("key", Name(ID_LENGTH), primary_key=True),
    Column("value", LongText, nullable=False),  # JSON, as made by tradewind.xcom
    Column("written_at", Moment, nullable=False),
    info=MYSQL,
)

run_memos = Table(
    "run_memos",
    metadata,
    _run_key(),
    Column("key", Name(ID_LENGTH), primary_key=True),
    Column("version", Integer, nullable=False),  # raised by each change
    Column("value", LongText, nullable=False),  # JSON
    Column("written_at", Moment, nullable=False),
    info=MYSQL,
)

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("dag_id", Name(ID_LENGTH), nullable=False),
    Column("run_id", Name(ID_LENGTH), nullable=False),
    Column("arguments", LongText, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Index("ix_requests_dag_id_run_id", "dag_id", "run_id"),
    info={"sqlite_autoincrement": True, **MYSQL},
)

schedulers = Table(
    "schedulers",
    metadata,
    Column("id", Name(ID_LENGTH), primary_key=True),
    Column("host", String(ID_LENGTH), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process", String(ID_LENGTH), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("heartbeat_at", Moment, nullable=False),
    info=MYSQL,
)

pools = Table(
    "pools",
    metadata,
    Column("name", Name(ID_LENGTH), primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("description", LongText, nullable=False),
    info=MYSQL,
)

connections = Table(
    "connections",
    metadata,
    Column("conn_id", Name(ID_LENGTH), primary_key=True),
    Column("value", LongText, nullable=False),  # encrypted
    Column("saved_at", Moment, nullable=False),
    info=MYSQL,
)

variables = Table(
    "variables",
    metadata,
    Column("key", Name(ID_LENGTH), primary_key=True),
    Column("value", LongText, nullable=False),  # encrypted
    Column("description", LongText),
    Column("saved_at", Moment, nullable=False),
    info=MYSQL,
)

#: One row: the number that schedulers compare to see whether there is news. MySQL's lock of write transactions is this
#: row too. SQLite has it as well, and keeps its number elsewhere, where a look at it is cheaper.
news = Table(
    "news",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    info=MYSQL,
)
