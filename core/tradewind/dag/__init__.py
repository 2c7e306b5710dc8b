"""DAGs and task groups.

dag         DAG: holds tasks, gives defaults, runs itself for tests
group       TaskGroup
arguments   the keywords of every DAG
spec        a DAG as the scheduler sees it; order: topological order, circles, priorities
zones       names of time zones
command     what dag.cli() does
"""

from __future__ import annotations

from tradewind.dag.arguments import DagArguments
from tradewind.dag.dag import DAG
from tradewind.dag.group import TaskGroup
from tradewind.dag.param import DagParam

__all__ = ["DAG", "DagArguments", "DagParam", "TaskGroup"]
