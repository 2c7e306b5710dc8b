"""What people asked of runs; the scheduler that owns the run carries it out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from tradewind.records import Request
from tradewind.store.engine import Database
from tradewind.store.rows import json_text, utc_now
from tradewind.store.runs import no_run
from tradewind.tables import requests, runs

_R = requests.c
_ALL = select(_R.id, _R.kind, _R.dag_id, _R.run_id, _R.arguments).order_by(_R.id)
_INSERT = insert(requests)
_DELETE = delete(requests).where(_R.id.in_(bindparam("ids", expanding=True)))
_RUN = select(runs.c.id).where(runs.c.dag_id == bindparam("dag_id"), runs.c.run_id == bindparam("run_id"))


class RequestVerbs:
    """Requests to the scheduler."""

    _db: Database

    def add_request(self, kind: str, dag_id: str, run_id: str, arguments: Mapping[str, Any] | None = None) -> int:
        """Ask something of a run; returns the request's id. Raises NotFound if there is no such run."""
        row = {"kind": kind, "dag_id": dag_id, "run_id": run_id, "asked_at": utc_now()}
        with self._db.write(news=True) as connection:
            if connection.execute(_RUN, {"dag_id": dag_id, "run_id": run_id}).first() is None:
                raise no_run(connection, dag_id, run_id)
            key = connection.execute(
                _INSERT, {**row, "arguments": json_text(dict(arguments or {}))}
            ).inserted_primary_key
            assert key is not None
            return int(key[0])

    def requests(self) -> list[Request]:
        """What has not been carried out yet, oldest first."""
        with self._db.read() as connection:
            return [
                Request(id, kind, dag_id, run_id, msgspec.json.decode(arguments))
                for id, kind, dag_id, run_id, arguments in connection.execute(_ALL)
            ]

    def delete_requests(self, ids: Collection[int]) -> None:
        """These are carried out, or cannot be."""
        if ids:
            with self._db.write() as connection:
                connection.execute(_DELETE, {"ids": list(ids)})
