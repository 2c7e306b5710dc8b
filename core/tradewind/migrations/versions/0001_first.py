"""Everything that the first version keeps.

What this revision makes is frozen here, table by table: `tables.py` goes on, and later revisions follow it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from tradewind.tables import LongText, Moment, Name

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}

_HELD = "state IN ('queued', 'running', 'restarting')"

#: Names of all tables, each after those that it refers to.
_TABLES = (
    "dags",
    "dag_versions",
    "sources",
    "files",
    "import_failures",
    "runs",
    "requests",
    "task_instances",
    "attempts",
    "xcoms",
    "schedulers",
    "pools",
    "connections",
    "variables",
)


def upgrade() -> None:
    _create_dags()
    _create_runs()
    _create_tasks()
    _create_others()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_dags() -> None:
    op.create_table(
        "dags",
        sa.Column("dag_id", Name(250), primary_key=True),
        sa.Column("path", Name(700), nullable=False),
        sa.Column("version", Name(16), nullable=False),
        sa.Column("file_hash", Name(16), nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("last_interval_end", Moment),
        sa.Column("last_logical_date", Moment),
        **_MYSQL,
    )
    op.create_index("ix_dags_path", "dags", ["path"])
    op.create_table(
        "dag_versions",
        sa.Column("dag_id", Name(250), primary_key=True),
        sa.Column("version", Name(16), primary_key=True),
        sa.Column("path", Name(700), nullable=False),
        sa.Column("file_hash", Name(16), nullable=False),
        sa.Column("spec", LongText, nullable=False),
        sa.Column("saved_at", Moment, nullable=False),
        **_MYSQL,
    )
    op.create_index("ix_dag_versions_version", "dag_versions", ["version"])
    op.create_table(
        "sources",
        sa.Column("hash", Name(16), primary_key=True),
        sa.Column("content", LongText, nullable=False),
        sa.Column("saved_at", Moment, nullable=False),
        **_MYSQL,
    )
    op.create_table(
        "files",
        sa.Column("path", Name(700), primary_key=True),
        sa.Column("hash", Name(16), nullable=False),
        sa.Column("parsed_at", Moment, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        **_MYSQL,
    )
    op.create_table(
        "import_failures",
        sa.Column("path", Name(700), primary_key=True),
        sa.Column("error", LongText, nullable=False),
        sa.Column("traceback", LongText, nullable=False),
        sa.Column("line", sa.Integer),
        sa.Column("taken", LongText, nullable=False),
        **_MYSQL,
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dag_id", Name(250), nullable=False),
        sa.Column("run_id", Name(250), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("logical_date", Moment, nullable=False),
        sa.Column("data_interval_start", Moment, nullable=False),
        sa.Column("data_interval_end", Moment, nullable=False),
        sa.Column("version", Name(16), nullable=False),
        sa.Column("queued_at", Moment, nullable=False),
        sa.Column("started_at", Moment),
        sa.Column("ended_at", Moment),
        sa.Column("conf", LongText, nullable=False),
        sa.Column("owner", Name(250)),
        sa.Column("epoch", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("callback_due", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("reason", LongText, nullable=False),
        sa.UniqueConstraint("dag_id", "run_id"),
        sqlite_autoincrement=True,
        **_MYSQL,
    )
    op.create_index("ix_runs_callback_due", "runs", ["callback_due"])
    op.create_index("ix_runs_dag_id_logical_date", "runs", ["dag_id", "logical_date"])
    op.create_index("ix_runs_logical_date", "runs", ["logical_date"])
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("dag_id", Name(250), nullable=False),
        sa.Column("run_id", Name(250), nullable=False),
        sa.Column("arguments", LongText, nullable=False),
        sa.Column("asked_at", Moment, nullable=False),
        sqlite_autoincrement=True,
        **_MYSQL,
    )
    op.create_index("ix_requests_dag_id_run_id", "requests", ["dag_id", "run_id"])


def _create_tasks() -> None:
    op.create_table(
        "task_instances",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("task_id", Name(250), primary_key=True),
        sa.Column("map_index", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(32)),
        sa.Column("try_number", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("max_tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("dispatch", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("scheduled_at", Moment),
        sa.Column("queued_at", Moment),
        sa.Column("started_at", Moment),
        sa.Column("ended_at", Moment),
        sa.Column("next_at", Moment),
        sa.Column("heartbeat_at", Moment),
        sa.Column("host", sa.String(250)),
        sa.Column("pid", sa.Integer),
        sa.Column("process", sa.String(250)),
        sa.Column("skips", LongText),
        sa.Column("reason", LongText),
        sa.Column("looks_try", sa.Integer),
        sa.Column("looks", sa.Integer),
        sa.Column("first_look_at", Moment),
        sqlite_with_rowid=False,
        **_MYSQL,
    )
    op.create_index(
        "ix_task_instances_held",
        "task_instances",
        ["state"],
        sqlite_where=sa.text(_HELD),
        postgresql_where=sa.text(_HELD),
    )
    op.create_table(
        "attempts",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("task_id", Name(250), primary_key=True),
        sa.Column("map_index", sa.Integer, primary_key=True),
        sa.Column("dispatch", sa.Integer, primary_key=True),
        sa.Column("try_number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(32)),
        sa.Column("started_at", Moment),
        sa.Column("ended_at", Moment),
        sa.Column("host", sa.String(250)),
        sa.Column("pid", sa.Integer),
        sa.Column("reason", LongText),
        sqlite_with_rowid=False,
        **_MYSQL,
    )
    op.create_table(
        "xcoms",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("task_id", Name(250), primary_key=True),
        sa.Column("map_index", sa.Integer, primary_key=True),
        sa.Column("key", Name(250), primary_key=True),
        sa.Column("value", LongText, nullable=False),
        sa.Column("written_at", Moment, nullable=False),
        **_MYSQL,
    )


def _create_others() -> None:
    op.create_table(
        "schedulers",
        sa.Column("id", Name(250), primary_key=True),
        sa.Column("host", sa.String(250), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process", sa.String(250), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("heartbeat_at", Moment, nullable=False),
        **_MYSQL,
    )
    op.create_table(
        "pools",
        sa.Column("name", Name(250), primary_key=True),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("description", LongText, nullable=False),
        **_MYSQL,
    )
    op.create_table(
        "connections",
        sa.Column("conn_id", Name(250), primary_key=True),
        sa.Column("value", LongText, nullable=False),
        sa.Column("saved_at", Moment, nullable=False),
        **_MYSQL,
    )
    op.create_table(
        "variables",
        sa.Column("key", Name(250), primary_key=True),
        sa.Column("value", LongText, nullable=False),
        sa.Column("description", LongText),
        sa.Column("saved_at", Moment, nullable=False),
        **_MYSQL,
    )
