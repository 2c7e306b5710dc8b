"""What a scheduler decided, written in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, case, delete, insert, select, update

from tradewind.records import Moves, Run, RunMove, TaskInstance, TaskMove
from tradewind.states import HELD, TaskState
from tradewind.store.engine import Database, replayed
from tradewind.store.leased import LEASED, lease
from tradewind.store.pools import slots_taken
from tradewind.store.rows import json_text, skips_text, task_state
from tradewind.store.specs import Specs
from tradewind.tables import attempts, requests, runs, schedulers, task_instances

_T = task_instances.c

_CHECK = select(runs.c.id).where(LEASED).with_for_update(key_share=True)
_RUN_FIELDS = ("state", "version", "queued_at", "started_at", "ended_at", "callback_due", "conf", "reason")
_MOVE_RUN = update(runs).where(LEASED).values({name: bindparam(f"new_{name}") for name in _RUN_FIELDS})
_CALLBACK_DONE = update(runs).where(LEASED, runs.c.ended_at == bindparam("ended")).values(callback_due=False)

_TASK_FIELDS = tuple(
    name for name in TaskInstance.__struct_fields__ if name not in ("task_id", "map_index", "heartbeat_at")
)
_MOVE_TASK = (
    update(task_instances)
    .where(
        _T.run == bindparam("in_run"),
        _T.task_id == bindparam("task"),
        _T.map_index == bindparam("index"),
        _T.state.is_not_distinct_from(bindparam("old_state", type_=_T.state.type)),
        _T.dispatch == bindparam("old_dispatch"),
    )
    .values(
        {name: bindparam(f"new_{name}") for name in _TASK_FIELDS}
        # A sign of life is the process's own to give: it is wiped out, never put back to what the scheduler last saw.
        | {
            "heartbeat_at": case(
                (bindparam("new_heartbeat", type_=_T.heartbeat_at.type).is_(None), None), else_=_T.heartbeat_at
            )
        }
    )
)
_AS_THEY_ARE = select(_T.task_id, _T.map_index, _T.state, _T.dispatch).where(
    _T.run == bindparam("in_run"), _T.task_id.in_(bindparam("tasks", expanding=True))
)
_HISTORY = insert(attempts)
_OTHERS = select(schedulers.c.id).where(schedulers.c.id != bindparam("me")).limit(1)
_HANDLED = delete(requests).where(requests.c.id.in_(bindparam("ids", expanding=True)))

#: A try that was held and is now in one of these is over. (A sensor that gives its place back goes on with its try.)
_TRY_OVER = frozenset({TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UP_FOR_RETRY})


class _Misfit(Exception):
    """A stored task instance is not what a move takes it to be; undoes the transaction."""


class _Beside(Exception):
    """There are other schedulers: whether the slots of the pools suffice can be told only when all of them wait."""


class _Crowded(Exception):
    """The slots of a pool do not suffice, with what other schedulers have taken; undoes the transaction."""


class Applied(msgspec.Struct, frozen=True):
    """What became of moves. They were written if and only if `ok` and nothing is `refused`."""

    ok: bool  #: the lease still is this scheduler's; if not, it must forget the run
    refused: list[TaskMove] = []  #: the stored task instance is not `before` any more; nothing at all was written
    crowded: bool = False  #: other schedulers have taken slots that these would need; nothing at all was written

    @property
    def written(self) -> bool:
        return self.ok and not self.refused and not self.crowded


class MoveVerbs:
    """Writes of the scheduler that holds a run's lease."""

    _db: Database
    _specs: Specs

    def apply(
        self,
        run: Run,
        moves: Moves,
        handled_requests: Collection[int] = (),
        pools: Mapping[str, int] | None = None,
    ) -> Applied:
        """Write what one event changes in one run, and delete the requests that it carries out.

        All of it, or nothing: if the lease is lost, or if a task instance is not as the scheduler saw it last (its
        process recorded something meanwhile), the other moves may have been decided on what is no longer so. The
        scheduler reads the refused ones again and decides anew.

        `pools`: slots of each. The scheduler itself knows what its own tasks take; where there are others, what all of
        them take is counted before tasks are handed over.
        """
        within = pools if not self._db.takes_one_scheduler and any(map(_hands_over, moves.tasks)) else None
        beside = False
        while True:
            try:
                return self._write(run, moves, handled_requests, within, beside)
            except _Beside:
                beside = True
            except _Crowded:
                return Applied(ok=True, crowded=True)
            except _Misfit:
                refused = self._misfits(run.id, moves.tasks)
                if refused:  # else they fit again by now
                    return Applied(ok=True, refused=refused)

    @replayed
    def _write(
        self,
        run: Run,
        moves: Moves,
        handled_requests: Collection[int],
        within: Mapping[str, int] | None,
        beside: bool,
    ) -> Applied:
        with self._db.write(alone=beside) as connection:
            if within and not beside and connection.execute(_OTHERS, {"me": run.owner}).first() is not None:
                raise _Beside
            if not _lock(connection, run, moves.run):
                return Applied(ok=False)
            if moves.tasks:
                changes = [_changes(run.id, move) for move in moves.tasks]
                if connection.execute(_MOVE_TASK, changes).rowcount != len(changes):
                    raise _Misfit
            history = [_ended_try(run.id, move) for move in moves.tasks if _ends_try(move)]
            if history:
                connection.execute(_HISTORY, history)
            if handled_requests:
                connection.execute(_HANDLED, {"ids": list(handled_requests)})
            if within and beside:
                self._refuse_crowded(connection, run, moves, within)
            return Applied(ok=True)

    def _refuse_crowded(self, connection: Connection, run: Run, moves: Moves, within: Mapping[str, int]) -> None:
        """Raise _Crowded if more slots are taken now than a pool has which tasks were handed over from."""
        pools = {task.task_id: task.pool for task in self._specs.get(connection, run.version).tasks}
        taken = slots_taken(connection, self._specs)
        wanted = {pools[move.after.task_id] for move in moves.tasks if _hands_over(move)}
        if any(taken[pool] > within.get(pool, 0) for pool in wanted):
            raise _Crowded

    def _misfits(self, run: int, moves: Collection[TaskMove]) -> list[TaskMove]:
        names = sorted({move.before.task_id for move in moves})
        with self._db.read() as connection:
            stored = {
                (task_id, map_index): (task_state(state), dispatch)
                for task_id, map_index, state, dispatch in connection.execute(
                    _AS_THEY_ARE, {"in_run": run, "tasks": names}
                )
            }
        return [
            move
            for move in moves
            if stored.get((move.before.task_id, move.before.map_index)) != (move.before.state, move.before.dispatch)
        ]

    @replayed
    def callback_done(self, run: Run) -> bool:
        """The DAG-level callback of an ended run has run. False: the lease is lost, or the run ended anew since."""
        with self._db.write(alone=False) as connection:
            return connection.execute(_CALLBACK_DONE, {**lease(run), "ended": run.ended_at}).rowcount == 1


def _hands_over(move: TaskMove) -> bool:
    return move.after.state is TaskState.QUEUED


def _lock(connection: Connection, run: Run, move: RunMove | None) -> bool:
    """Hold the run's row, moved already if it is to be moved. False if the lease is lost."""
    if move is None:
        return connection.execute(_CHECK, lease(run)).first() is not None
    values = {f"new_{name}": getattr(move.after, name) for name in _RUN_FIELDS}
    values |= {"new_state": move.after.state.value, "new_conf": json_text(move.after.conf)}
    return connection.execute(_MOVE_RUN, lease(run) | values).rowcount == 1


def _changes(run: int, move: TaskMove) -> dict[str, Any]:
    before, after = move.before, move.after
    values = {f"new_{name}": getattr(after, name) for name in _TASK_FIELDS}
    values |= {
        "in_run": run,
        "task": before.task_id,
        "index": before.map_index,
        "old_state": before.state,
        "old_dispatch": before.dispatch,
        "new_skips": skips_text(after.skips),
        "new_reason": after.reason or None,
        "new_heartbeat": after.heartbeat_at,
    }
    return values


def _ends_try(move: TaskMove) -> bool:
    """Whether the move ends a try: one that was held is over, or was stopped by a clear."""
    if move.before.state is TaskState.RESTARTING and move.after.state is None:
        return True
    return move.before.state in HELD and move.after.state in _TRY_OVER


def _ended_try(run: int, move: TaskMove) -> dict[str, Any]:
    before, after = move.before, move.after
    cleared = after.state is None
    return {
        "run": run,
        "task_id": before.task_id,
        "map_index": before.map_index,
        "dispatch": before.dispatch,
        "try_number": before.try_number,
        "state": before.state if cleared else after.state,
        "started_at": before.started_at,
        "ended_at": after.ended_at,
        "host": before.host,
        "pid": before.pid,
        "reason": "cleared while it ran" if cleared else after.reason or None,
    }
