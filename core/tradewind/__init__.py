"""tradewind: a small workflow core with Airflow's names.

Names are loaded when they are first used, so that `import tradewind` costs next to nothing and brings in neither
SQLAlchemy, Jinja nor click.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.connection import Connection
    from tradewind.context import get_current_context
    from tradewind.dag import DAG, TaskGroup
    from tradewind.errors import (
        ConnectionNotFound,
        SensorTimeout,
        TaskFailed,
        TaskSkipped,
        TaskTimeout,
        TradewindError,
        VariableNotFound,
    )
    from tradewind.errors import SensorTimeout as AirflowSensorTimeout
    from tradewind.errors import TaskFailed as AirflowFailException
    from tradewind.errors import TaskSkipped as AirflowSkipException
    from tradewind.errors import TaskTimeout as AirflowTaskTimeout
    from tradewind.errors import TradewindError as AirflowException
    from tradewind.hook import BaseHook
    from tradewind.notifier import BaseNotifier
    from tradewind.operator import (
        BaseOperator,
        BaseSensor,
        EdgeModifier,
        ExceptionRetryPolicy,
        Label,
        PokeReturnValue,
        RetryAction,
        RetryDecision,
        RetryPolicy,
        RetryRule,
        XComArg,
        chain,
        chain_linear,
        cross_downstream,
    )
    from tradewind.operator import BaseSensor as BaseSensorOperator
    from tradewind.params import Param, ParamsDict
    from tradewind.states import TriggerRule, WeightRule
    from tradewind.taskflow import dag, setup, task, task_group, teardown
    from tradewind.template import literal
    from tradewind.variable import Variable

#: public name -> "module:name" where it is defined
_PLACES = {
    "DAG": "dag:DAG",
    "AirflowException": "errors:TradewindError",
    "AirflowFailException": "errors:TaskFailed",
    "AirflowSensorTimeout": "errors:SensorTimeout",
    "AirflowSkipException": "errors:TaskSkipped",
    "AirflowTaskTimeout": "errors:TaskTimeout",
    "BaseHook": "hook:BaseHook",
    "BaseNotifier": "notifier:BaseNotifier",
    "BaseOperator": "operator:BaseOperator",
    "BaseSensor": "operator:BaseSensor",
    "BaseSensorOperator": "operator:BaseSensor",
    "Connection": "connection:Connection",
    "ConnectionNotFound": "errors:ConnectionNotFound",
    "EdgeModifier": "operator:EdgeModifier",
    "ExceptionRetryPolicy": "operator:ExceptionRetryPolicy",
    "Label": "operator:Label",
    "Param": "params:Param",
    "ParamsDict": "params:ParamsDict",
    "PokeReturnValue": "operator:PokeReturnValue",
    "RetryAction": "operator:RetryAction",
    "RetryDecision": "operator:RetryDecision",
    "RetryPolicy": "operator:RetryPolicy",
    "RetryRule": "operator:RetryRule",
    "SensorTimeout": "errors:SensorTimeout",
    "TaskFailed": "errors:TaskFailed",
    "TaskGroup": "dag:TaskGroup",
    "TaskSkipped": "errors:TaskSkipped",
    "TaskTimeout": "errors:TaskTimeout",
    "TradewindError": "errors:TradewindError",
    "TriggerRule": "states:TriggerRule",
    "Variable": "variable:Variable",
    "VariableNotFound": "errors:VariableNotFound",
    "WeightRule": "states:WeightRule",
    "XComArg": "operator:XComArg",
    "chain": "operator:chain",
    "chain_linear": "operator:chain_linear",
    "cross_downstream": "operator:cross_downstream",
    "dag": "taskflow:dag",
    "get_current_context": "context:get_current_context",
    "literal": "template:literal",
    "setup": "taskflow:setup",
    "task": "taskflow:task",
    "task_group": "taskflow:task_group",
    "teardown": "taskflow:teardown",
}

__all__ = [
    "DAG",
    "AirflowException",
    "AirflowFailException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseHook",
    "BaseNotifier",
    "BaseOperator",
    "BaseSensor",
    "BaseSensorOperator",
    "Connection",
    "ConnectionNotFound",
    "EdgeModifier",
    "ExceptionRetryPolicy",
    "Label",
    "Param",
    "ParamsDict",
    "PokeReturnValue",
    "RetryAction",
    "RetryDecision",
    "RetryPolicy",
    "RetryRule",
    "SensorTimeout",
    "TaskFailed",
    "TaskGroup",
    "TaskSkipped",
    "TaskTimeout",
    "TradewindError",
    "TriggerRule",
    "Variable",
    "VariableNotFound",
    "WeightRule",
    "XComArg",
    "__version__",
    "chain",
    "chain_linear",
    "cross_downstream",
    "dag",
    "get_current_context",
    "literal",
    "setup",
    "task",
    "task_group",
    "teardown",
]


def _load(name: str) -> Any:
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(importlib.import_module(f"tradewind.{module}"), attribute)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # slow to import, and seldom asked for

        return version("tradewind")
    if name not in _PLACES:
        raise AttributeError(f"module 'tradewind' has no attribute {name!r}")
    found = globals()[name] = _load(name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps two things called `dag` apart: the submodule, and Airflow's decorator of that name.

    `from tradewind import dag` gives the decorator, `from tradewind.dag import ...` reads the submodule. Python would
    put the submodule in the decorator's place as soon as somebody imports it.
    """

    @property
    def dag(self) -> Any:
        return _load("dag")

    @dag.setter
    def dag(self, submodule: ModuleType) -> None:
        """The import system calls this; the submodule stays reachable through `sys.modules`."""


sys.modules[__name__].__class__ = _Package
