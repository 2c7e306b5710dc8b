"""EmptyOperator: a task that does nothing."""

from __future__ import annotations

from typing import Any

from tradewind.operator import BaseOperator


class EmptyOperator(BaseOperator):
    """Does nothing.

        EmptyOperator(task_id="start") >> [load_sales, load_stock]

    Useful as the one start or end of several tasks. No process is started for it.
    """

    ui_color = "#e8f7e4"
    is_empty = True

    def execute(self, context: Any) -> None:
        """Nothing."""


#: Its name before Airflow 2.4.
DummyOperator = EmptyOperator
