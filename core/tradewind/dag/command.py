"""What `dag.cli()` makes of a DAG file: a small command of its own, which needs no database."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tradewind.errors import TradewindError, UsageError
from tradewind.operator import BaseOperator
from tradewind.records import DagSpec, to_json

if TYPE_CHECKING:
    import argparse


class RunnableDag(Protocol):
    """What the command needs of a DAG."""

    dag_id: str
    description: str

    def topological_sort(self) -> Sequence[BaseOperator]: ...

    def spec(self) -> DagSpec: ...

    def test(self, logical_date: Any = None, *, conf: Any = None) -> Any: ...


def main(dag: RunnableDag, argv: Sequence[str] | None = None) -> None:
    """`test` (default) runs the DAG in this process; `tasks` lists it; `spec` prints what a scheduler sees.

    Exits with 1 if the run did not end well, and with 2 after an error of tradewind's.
    """
    arguments = _parser(dag).parse_args(sys.argv[1:] if argv is None else list(argv))
    try:
        succeeded = _COMMANDS[arguments.command](dag, arguments)
    except TradewindError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from error
    if not succeeded:
        raise SystemExit(1)


def _parser(dag: RunnableDag) -> argparse.ArgumentParser:
    import argparse  # needed by no other part of a DAG

    parser = argparse.ArgumentParser(description=dag.description or f"The DAG {dag.dag_id}.")
    parser.add_argument("command", nargs="?", default="test", choices=sorted(_COMMANDS), help="default: test")
    parser.add_argument("logical_date", nargs="?", help="of the test run, such as 2024-01-31; default: now")
    parser.add_argument("--conf", default="{}", help="conf of the test run, as JSON")
    return parser


def _test(dag: RunnableDag, arguments: argparse.Namespace) -> bool:
    try:
        conf: Any = json.loads(arguments.conf)
    except ValueError as error:
        raise UsageError(f"--conf is not JSON: {error}.") from error
    if not isinstance(conf, dict):
        raise UsageError("--conf must be a JSON object, such as '{\"days\": 7}'.")
    run = dag.test(arguments.logical_date, conf=conf)
    sys.stdout.write(f"{dag.dag_id}: {run.state}\n")
    return str(run.state) == "success"


def _tasks(dag: RunnableDag, arguments: argparse.Namespace) -> bool:
    for task in dag.topological_sort():
        before = ", ".join(sorted(task.upstream_task_ids))
        sys.stdout.write(f"{task.task_id} ({task.task_type})" + (f" after {before}" if before else "") + "\n")
    return True


def _spec(dag: RunnableDag, arguments: argparse.Namespace) -> bool:
    sys.stdout.write(to_json(dag.spec()).decode() + "\n")
    return True


_COMMANDS = {"test": _test, "tasks": _tasks, "spec": _spec}
