"""TaskFlow: DAGs, tasks and groups made of plain functions.

functions   @task and @task.<name>; field: those whose function gives the value of one field, such as @task.bash
groups      @task_group
dags        @dag
setups      @setup and @teardown
outputs     multiple_outputs, read from the return annotation
"""

from __future__ import annotations

from tradewind.operator import XComArg
from tradewind.taskflow.dags import DagFunction, dag
from tradewind.taskflow.functions import TaskFunction, task
from tradewind.taskflow.groups import GroupFunction, task_group
from tradewind.taskflow.setups import setup, teardown

__all__ = [
    "DagFunction",
    "GroupFunction",
    "TaskFunction",
    "XComArg",
    "dag",
    "setup",
    "task",
    "task_group",
    "teardown",
]
