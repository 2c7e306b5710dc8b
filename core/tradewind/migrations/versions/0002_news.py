"""What databases on servers need: the number that tells schedulers of news, and the runs of each scheduler by its name.

Done again from the start, where it was broken off and the database could not undo it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OWNED = "owner IS NOT NULL"


def upgrade() -> None:
    connection = op.get_bind()
    if not sa.inspect(connection).has_table("news"):
        op.create_table(
            "news",
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("number", sa.Integer, nullable=False),
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
        )
    if connection.execute(sa.text("SELECT id FROM news")).first() is None:
        op.execute("INSERT INTO news (id, number) VALUES (1, 0)")
    if "ix_runs_owner" not in {index["name"] for index in sa.inspect(connection).get_indexes("runs")}:
        op.create_index(
            "ix_runs_owner", "runs", ["owner"], sqlite_where=sa.text(_OWNED), postgresql_where=sa.text(_OWNED)
        )


def downgrade() -> None:
    op.drop_index("ix_runs_owner", "runs")
    op.drop_table("news")
