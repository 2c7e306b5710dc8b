"""What a DAG id and a run id, or a TaskKey, name: conditions for statements, and the values to execute them with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, select

from tradewind.records import TaskKey
from tradewind.tables import runs, task_instances

_T = task_instances.c

#: Run.id of the run of `dag` that is called `name`.
THIS_RUN = select(runs.c.id).where(runs.c.dag_id == bindparam("dag"), runs.c.run_id == bindparam("name"))

#: The task instance `task`, `index` of that run; and that it still is in its hand-over `number`.
THIS_TASK = and_(
    _T.run == THIS_RUN.scalar_subquery(), _T.task_id == bindparam("task"), _T.map_index == bindparam("index")
)
CURRENT = and_(THIS_TASK, _T.dispatch == bindparam("number"))


def named(key: TaskKey) -> dict[str, Any]:
    """The values for these."""
    return {
        "dag": key.dag_id,
        "name": key.run_id,
        "task": key.task_id,
        "index": key.map_index,
        "number": key.dispatch,
    }
