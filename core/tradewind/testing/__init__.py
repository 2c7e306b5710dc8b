"""What the author of a provider, an executor or a DAG imports in tests; pytest is all that it needs.

A contract is a class of laws. A provider's test_contract.py is a subclass, a name, and perhaps a fixture:

    class TestProvider(ProviderContract):
        name = "weather"

Fixtures come with the pytest plugin of this package: `connection`, `run_dag`, `run_task`, `sandbox`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind.testing.endpoint import EndpointContract as EndpointContract
    from tradewind.testing.executor import ExecutorContract as ExecutorContract
    from tradewind.testing.hook import HookContract as HookContract
    from tradewind.testing.laws import Contract as Contract
    from tradewind.testing.laws import ContractError as ContractError
    from tradewind.testing.laws import LawBroken as LawBroken
    from tradewind.testing.laws import needs as needs
    from tradewind.testing.laws import require as require
    from tradewind.testing.log_store import LogStoreContract as LogStoreContract
    from tradewind.testing.operator import OperatorContract as OperatorContract
    from tradewind.testing.provider import ProviderContract as ProviderContract
    from tradewind.testing.runs import TaskRun as TaskRun
    from tradewind.testing.runs import run_dag as run_dag
    from tradewind.testing.runs import run_task as run_task
    from tradewind.testing.sandbox import SandboxContract as SandboxContract
    from tradewind.testing.secrets import SecretsContract as SecretsContract
    from tradewind.testing.xcom_store import XComStoreContract as XComStoreContract

_HOME = {
    "Contract": "laws",
    "ContractError": "laws",
    "EndpointContract": "endpoint",
    "ExecutorContract": "executor",
    "HookContract": "hook",
    "LawBroken": "laws",
    "LogStoreContract": "log_store",
    "OperatorContract": "operator",
    "ProviderContract": "provider",
    "SandboxContract": "sandbox",
    "SecretsContract": "secrets",
    "TaskRun": "runs",
    "XComStoreContract": "xcom_store",
    "needs": "laws",
    "require": "laws",
    "run_dag": "runs",
    "run_task": "runs",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
