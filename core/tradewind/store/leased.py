"""The condition that every write of a scheduler carries: it still has the lease that it believes to have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam

from tradewind.records import Run
from tradewind.tables import runs

LEASED = and_(runs.c.id == bindparam("run"), runs.c.owner == bindparam("by"), runs.c.epoch == bindparam("since"))


def lease(run: Run) -> dict[str, Any]:
    """The values for `LEASED`."""
    return {"run": run.id, "by": run.owner, "since": run.epoch}
