"""Notifiers: callbacks that tell people how tasks and runs end.

`BaseNotifier` is one message per callback; `RunNotifier` is one message per run, which is edited while the run goes on.
Providers subclass them for their service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind.notifier.notifier import BaseNotifier
    from tradewind.notifier.report import RunReport, TaskLine
    from tradewind.notifier.run_message import MessageGone
    from tradewind.notifier.run_notifier import RunNotifier

__all__ = ["BaseNotifier", "MessageGone", "RunNotifier", "RunReport", "TaskLine"]

_HOMES = {
    "BaseNotifier": "notifier",
    "MessageGone": "run_message",
    "RunNotifier": "run_notifier",
    "RunReport": "report",
    "TaskLine": "report",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
