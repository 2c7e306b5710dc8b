"""The command line of an attempt, and back.

`tradewind task run ...` is all that an executor is given, on this machine or on another: it names the attempt and the
DAG file (with the hash of the content that the run's DAG version came from), and nothing else.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from tradewind.errors import UsageError
from tradewind.records import TaskKey


@dataclass(frozen=True)
class Arguments:
    """What a command line of the runner says."""

    kind: str  #: "run" for an attempt of a task, "callback" for the DAG-level callbacks of a run
    key: TaskKey
    path: str  #: of the DAG file
    file_hash: str  #: of the file's content that the run's version of the DAG came from
    log: str | None = None  #: where to log; None: where the settings say


def task_argv(key: TaskKey, path: str, file_hash: str) -> list[str]:
    """The command line of one attempt."""
    return [
        *("tradewind", "task", "run", "--dag", key.dag_id, "--run", key.run_id, "--task", key.task_id),
        *("--map-index", str(key.map_index), "--try", str(key.try_number), "--dispatch", str(key.dispatch)),
        *("--file", path, "--hash", file_hash),
    ]


def callback_argv(dag_id: str, run_id: str, path: str, file_hash: str) -> list[str]:
    """The command line that runs the DAG-level callbacks of an ended run."""
    return ["tradewind", "task", "callback", "--dag", dag_id, "--run", run_id, "--file", path, "--hash", file_hash]


def callback_key(dag_id: str, run_id: str) -> TaskKey:
    """What executors know the DAG-level callbacks of a run by: no task has an empty id."""
    return TaskKey(dag_id, run_id, task_id="")


def affinity(argv: Sequence[str]) -> str:
    """Attempts with the same affinity can share a warm process: same DAG file, same content."""
    arguments = read(argv)
    return f"{arguments.path}\0{arguments.file_hash}"


def read(argv: Sequence[str]) -> Arguments:
    """Read a command line made by `task_argv` or `callback_argv`. Raises UsageError if it is something else."""
    words = list(argv[1:] if argv and not argv[0].startswith("-") and argv[0] not in _KINDS else argv)
    if words[:1] == ["task"]:
        del words[0]
    if not words or words[0] not in _KINDS:
        raise UsageError(f"An attempt is started by `tradewind task run ...`, not by {' '.join(argv)!r}.")
    parser = _parser(callback=words[0] == "callback")
    found = parser.parse_args(_join(words[1:]))
    key = (
        callback_key(found.dag, found.run)
        if words[0] == "callback"
        else TaskKey(found.dag, found.run, found.task, found.map_index, found.try_number, found.dispatch)
    )
    return Arguments(words[0], key, found.file, found.hash, found.log)


_KINDS = ("run", "callback")


def _join(words: Sequence[str]) -> list[str]:
    """`--run -x` as `--run=-x`, for ids may begin with a dash; every option here takes one value."""
    return [f"{name}={value}" for name, value in zip(words[::2], words[1::2])] + list(words[len(words) // 2 * 2 :])


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"tradewind task: {message}")


def _parser(*, callback: bool) -> _Parser:
    parser = _Parser(prog="tradewind task", add_help=False, allow_abbrev=False)
    for name in ("--dag", "--run", "--file", "--hash"):
        parser.add_argument(name, required=True)
    parser.add_argument("--log")
    if not callback:
        parser.add_argument("--task", required=True)
        parser.add_argument("--map-index", type=int, default=-1)
        parser.add_argument("--try", type=int, dest="try_number", required=True)
        parser.add_argument("--dispatch", type=int, required=True)
    return parser
