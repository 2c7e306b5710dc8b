"""The command line of an attempt, and back.

`tradewind task run ...` is all that an executor is given, on this machine or on another: it names the attempt and the
DAG file (with the hash of the content that the run's DAG version came from), and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from tradewind.errors import UsageError
from tradewind.records import TaskKey

_CALLBACKS = ":callbacks"


@dataclass(frozen=True)
class Arguments:
    """What a command line of the runner says."""

    kind: str  #: "run" for an attempt of a task, "callback" for callbacks, of a run or of an attempt that was lost
    key: TaskKey  #: of the attempt; its task_id is empty for the DAG-level callbacks of a run
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


def lost_argv(key: TaskKey, path: str, file_hash: str) -> list[str]:
    """The command line that calls a task's callbacks for an attempt whose process is gone."""
    return [*task_argv(key, path, file_hash)[:2], "callback", *task_argv(key, path, file_hash)[3:]]


def lost_key(key: TaskKey) -> TaskKey:
    """What executors know the callbacks of a lost attempt by: no task has an id with a colon."""
    return replace(key, task_id=f"{key.task_id}{_CALLBACKS}")


def is_callback(key: TaskKey) -> bool:
    """Whether the key is not that of an attempt, but one of `callback_key` or `lost_key`."""
    return not key.task_id or key.task_id.endswith(_CALLBACKS)


def affinity(argv: Sequence[str]) -> str:
    """Attempts with the same affinity can share a warm process: same DAG file, same content."""
    arguments = read(argv)
    return f"{arguments.path}\0{arguments.file_hash}"


def read(argv: Sequence[str]) -> Arguments:
    """Read a command line made by `task_argv` or `callback_argv`. Raises UsageError if it is something else."""
    if tuple(argv[:2]) != ("tradewind", "task") or argv[2:3] not in (["run"], ["callback"]):
        raise UsageError(f"An attempt is started by `tradewind task run ...`, not by {' '.join(argv)!r}.")
    kind = argv[2]
    given = _options(argv[3:])
    of_task = kind == "run" or "--task" in given
    wanted = _COMMON | _OF_TASK if of_task else _COMMON
    unknown = given.keys() - wanted
    missing = wanted - given.keys() - {"--log"}
    if unknown or missing:
        wrong = [*(f"{name} is unknown" for name in unknown), *(f"{name} is missing" for name in missing)]
        raise UsageError(f"tradewind task {kind}: {', '.join(sorted(wrong))}.")
    dag_id, run_id = given["--dag"], given["--run"]
    key = callback_key(dag_id, run_id)
    if of_task:
        numbers = [_number(name, given[name]) for name in ("--map-index", "--try", "--dispatch")]
        key = TaskKey(dag_id, run_id, given["--task"], *numbers)
    return Arguments(kind, key, given["--file"], given["--hash"], given.get("--log"))


_COMMON = frozenset({"--dag", "--run", "--file", "--hash", "--log"})
_OF_TASK = frozenset({"--task", "--map-index", "--try", "--dispatch"})


def _options(words: Sequence[str]) -> dict[str, str]:
    """Names and values in turn. Written out, for argparse would take longer than the rest of starting an attempt."""
    if len(words) % 2:
        raise UsageError(f"tradewind task: {words[-1]} has no value.")
    return dict(zip(words[::2], words[1::2]))


def _number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(f"tradewind task run: {name} needs a number, not {value!r}.") from None
