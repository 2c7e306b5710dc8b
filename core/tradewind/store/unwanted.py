"""Notes that runs are about to be deleted, so that what an XCom store keeps of them is deleted too."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.sql.elements import ColumnElement

from tradewind.tables import runs

_RUNS = select(runs.c.id, runs.c.dag_id, runs.c.run_id)


def note_unwanted(connection: Connection, home: str | None, *which: ColumnElement[bool]) -> None:
    """Note the runs that the conditions say, in the transaction that deletes them. No home: there is no XCom store."""
    if home is None:
        return
    from tradewind.remote import unwanted  # only those need it who have an XCom store

    for id, dag_id, run_id in connection.execute(_RUNS.where(*which)):
        unwanted.write(home, unwanted.Unwanted(id, dag_id, run_id))
