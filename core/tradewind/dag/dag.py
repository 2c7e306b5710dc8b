"""`DAG`: tasks, their order, and when they run. Makes the `DagSpec` that the rest of tradewind works with."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from tradewind import plugins
from tradewind.dag import command
from tradewind.dag.definition import DagDefinition
from tradewind.dag.spec import dag_spec, topological_ids
from tradewind.errors import DagError, UsageError
from tradewind.operator import BaseOperator, is_loading, values
from tradewind.records import DagSpec


class DAG(DagDefinition):
    """A directed acyclic graph of tasks. The keywords are listed in `DagArguments`; each is an attribute.

    with DAG("daily_report", schedule="@daily", start_date=datetime(2024, 1, 1)):
        extract() >> load()
    """

    def topological_sort(self) -> tuple[BaseOperator, ...]:
        """Its tasks, each after all that are upstream of it. Raises DagCycle."""
        self.settle_groups()
        return tuple(self.task_dict[task_id] for task_id in topological_ids(self))

    def spec(self) -> DagSpec:
        """All that the scheduler knows of it: equal whenever the file is loaded. Raises DagError, ParamError."""
        return dag_spec(self)

    def test(
        self,
        logical_date: datetime.datetime | datetime.date | str | None = None,
        run_conf: Mapping[str, Any] | None = None,
        *,
        conf: Mapping[str, Any] | None = None,
        execution_date: datetime.datetime | datetime.date | str | None = None,
        **options: Any,
    ) -> Any:
        """Run it once in this process, without a database, so that breakpoints work; gives the finished run.

        `run_conf` and `conf` are the same, as are `logical_date` and its old name. `options` go to the DAG runner.
        """
        self._refuse_while_loading("test")
        run_dag = plugins.current().resolve("register_dag_runners", "in_process")
        date = logical_date if logical_date is not None else execution_date
        try:
            at = None if date is None else values.moment(date, lambda: self.timezone)
        except ValueError as error:
            raise UsageError(f"DAG {self.dag_id!r} cannot be run for that logical date: {error}.") from error
        return run_dag(self, logical_date=at, conf=dict(conf if conf is not None else run_conf or {}), **options)

    def cli(self, argv: Sequence[str] | None = None) -> None:
        """Make the DAG file a command: `python my_dag.py test 2024-01-31`. Ends the process if the run fails."""
        self._refuse_while_loading("cli")
        command.main(self, argv)

    def _refuse_while_loading(self, method: str) -> None:
        """A scheduler reads its DAG files again and again; none of them may run a DAG each time."""
        if is_loading():
            raise DagError(
                f"DAG {self.dag_id!r} calls {method}() whenever its file is read; "
                f'put the call under `if __name__ == "__main__":`, so that only `python FILE` makes it.'
            )
