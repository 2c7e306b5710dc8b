"""What the processes of a run remember together: run memos.

Done again from the start, where it was broken off and the database could not undo it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tradewind.tables import LongText, Moment, Name

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("run_memos"):
        return
    op.create_table(
        "run_memos",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("key", Name(250), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("value", LongText, nullable=False),
        sa.Column("written_at", Moment, nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
    )


def downgrade() -> None:
    op.drop_table("run_memos")
