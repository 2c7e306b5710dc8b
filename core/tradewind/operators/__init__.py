"""Operators that come with the core. `from tradewind.operators import BashOperator` loads only the module it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind.operators.bash import BashOperator
    from tradewind.operators.branch import (
        BaseBranchOperator,
        BranchDateTimeOperator,
        BranchDayOfWeekOperator,
        BranchMixin,
        SkipMixin,
    )
    from tradewind.operators.email import EmailOperator, SmtpHook
    from tradewind.operators.empty import DummyOperator, EmptyOperator
    from tradewind.operators.filesystem import FSHook
    from tradewind.operators.latest_only import LatestOnlyOperator
    from tradewind.operators.python import BranchPythonOperator, PythonOperator, ShortCircuitOperator

#: Public name -> module that has it.
_PLACES = {
    "BashOperator": "bash",
    "BaseBranchOperator": "branch",
    "BranchDateTimeOperator": "branch",
    "BranchDayOfWeekOperator": "branch",
    "BranchMixin": "branch",
    "BranchPythonOperator": "python",
    "DummyOperator": "empty",
    "EmailOperator": "email",
    "EmptyOperator": "empty",
    "FSHook": "filesystem",
    "LatestOnlyOperator": "latest_only",
    "PythonOperator": "python",
    "ShortCircuitOperator": "python",
    "SkipMixin": "branch",
    "SmtpHook": "email",
}

__all__ = [
    "BaseBranchOperator",
    "BashOperator",
    "BranchDateTimeOperator",
    "BranchDayOfWeekOperator",
    "BranchMixin",
    "BranchPythonOperator",
    "DummyOperator",
    "EmailOperator",
    "EmptyOperator",
    "FSHook",
    "LatestOnlyOperator",
    "PythonOperator",
    "ShortCircuitOperator",
    "SkipMixin",
    "SmtpHook",
]

__getattr__, __dir__ = lazy_names(__name__, _PLACES)
