"""Operators: what tasks are made of, and how they are put in order.

scope       which DAG and group new tasks belong to (context variables)
task        BaseOperator
sensor      BaseSensor
relations   >> and <<, chain, Label
xcom_arg    XComArg: a task's result as an argument
setups      setup and teardown
retry_policy   what a failure means, by the error; nesting: operators executed inside others
arguments   the keywords of every operator; values: how their values are read
spec        an operator as the scheduler sees it
call, command, clock, weekday   what operators and sensors share: calling functions, running commands, times of day
"""

from __future__ import annotations

from tradewind.operator.arguments import OperatorArguments
from tradewind.operator.relations import (
    EdgeModifier,
    Label,
    Node,
    chain,
    chain_linear,
    cross_downstream,
    each_node,
    join_tasks,
)
from tradewind.operator.retry_policy import ExceptionRetryPolicy, RetryAction, RetryDecision, RetryPolicy, RetryRule
from tradewind.operator.scope import (
    DagLike,
    GroupLike,
    TaskLike,
    collect_dags,
    current_dag,
    current_group,
    is_loading,
    register_dag,
    where_made,
)
from tradewind.operator.sensor import BaseSensor, PokeReturnValue
from tradewind.operator.spec import task_spec
from tradewind.operator.task import BaseOperator
from tradewind.operator.xcom_arg import XComArg

__all__ = [
    "BaseOperator",
    "BaseSensor",
    "DagLike",
    "EdgeModifier",
    "ExceptionRetryPolicy",
    "GroupLike",
    "Label",
    "Node",
    "OperatorArguments",
    "PokeReturnValue",
    "RetryAction",
    "RetryDecision",
    "RetryPolicy",
    "RetryRule",
    "TaskLike",
    "XComArg",
    "chain",
    "chain_linear",
    "collect_dags",
    "cross_downstream",
    "current_dag",
    "current_group",
    "each_node",
    "is_loading",
    "join_tasks",
    "register_dag",
    "task_spec",
    "where_made",
]
