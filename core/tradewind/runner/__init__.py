"""Carries out one attempt of one task in its own process: claim it, load its DAG, execute the task, record the end.

`execution.execute_task` is the part that needs neither a store nor a process of its own. `main`, `preload` and
`out_of_date` are what the command line and warm processes call.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main", "out_of_date", "preload"]


def main(argv: Sequence[str]) -> int:
    """Carry out `tradewind task run ...` or `tradewind task callback ...`; see `arguments`. Gives the exit code."""
    from tradewind.runner import process  # the store is loaded only where an attempt is run

    return process.main(argv)


def preload(argv: Sequence[str]) -> None:
    """Load, once in a process that will be forked, what this attempt and others like it need. Never raises."""
    from tradewind.runner import loading

    loading.preload(argv)


def out_of_date() -> bool:
    """Whether files that `preload` loaded have changed since."""
    from tradewind.runner import loading

    return loading.out_of_date()
