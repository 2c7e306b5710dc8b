"""Run memos: JSON values that all processes of a run share. Each write says which version it replaces."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from tradewind.context.api import MOST_MEMOS, too_many_memos
from tradewind.errors import NotFound, StoreError
from tradewind.store.engine import Database, replayed
from tradewind.store.named import THIS_RUN
from tradewind.store.rows import utc_now
from tradewind.tables import run_memos

_M = run_memos.c

_THIS = (_M.run == THIS_RUN.scalar_subquery(), _M.key == bindparam("named"))
_ONE = select(_M.version, _M.value).where(*_THIS)
_REPLACE = (
    update(run_memos)
    .where(*_THIS, _M.version == bindparam("before"))
    .values(version=_M.version + 1, value=bindparam("text"), written_at=bindparam("now"))
)
_COUNT = select(func.count()).select_from(run_memos).where(_M.run == bindparam("id"))
_INSERT = insert(run_memos)


class MemoVerbs:
    """The part of `tradewind.context.TaskApi` that is about memos."""

    _db: Database

    def memo_get(self, dag_id: str, run_id: str, key: str) -> tuple[int, str] | None:
        with self._db.read() as connection:
            row = connection.execute(_ONE, {"dag": dag_id, "name": run_id, "named": key}).one_or_none()
            return None if row is None else (row.version, row.value)

    def memo_put(self, dag_id: str, run_id: str, key: str, version: int, json_text: str) -> bool:
        if version:
            return self._replace(dag_id, run_id, key, version, json_text)
        try:
            self._insert(dag_id, run_id, key, json_text)
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError) and self.memo_get(dag_id, run_id, key):
                return False
            raise
        return True

    @replayed
    def _replace(self, dag_id: str, run_id: str, key: str, version: int, json_text: str) -> bool:
        place = {"dag": dag_id, "name": run_id, "named": key}
        with self._db.write(alone=False) as connection:
            changed = connection.execute(
                _REPLACE, {**place, "before": version, "text": json_text, "now": utc_now()}
            ).rowcount
            if not changed:
                _run(connection, dag_id, run_id)  # raises if that is why
            return bool(changed)

    @replayed
    def _insert(self, dag_id: str, run_id: str, key: str, json_text: str) -> None:
        with self._db.write(alone=False) as connection:
            run = _run(connection, dag_id, run_id)
            if connection.execute(_COUNT, {"id": run}).scalar_one() >= MOST_MEMOS:
                raise too_many_memos(dag_id, run_id, key)
            row = {"run": run, "key": key, "version": 1, "value": json_text, "written_at": utc_now()}
            connection.execute(_INSERT, row)


def _run(connection: Connection, dag_id: str, run_id: str) -> int:
    """Key of the run. Raises NotFound."""
    found: int | None = connection.execute(THIS_RUN, {"dag": dag_id, "name": run_id}).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no run {run_id!r} of {dag_id} any more: its memos went with it.")
    return found
