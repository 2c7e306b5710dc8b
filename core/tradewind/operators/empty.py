"""EmptyOperator: a task that does nothing."""

from __future__ import annotations

from typing import Any

from tradewind.operator import BaseOperator


class EmptyOperator(BaseOperator):
    """Does nothing. Useful as the one start or end of several tasks; no process is started for it.

    start = EmptyOperator(task_id="start")
    """

    ui_color = "#e8f7e4"
    is_empty = True

    def execute(self, context: Any) -> None:
        """Nothing."""


#: Its name before Airflow 2.4.
DummyOperator = EmptyOperator
