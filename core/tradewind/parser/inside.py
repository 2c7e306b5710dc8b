"""What happens in the process that loads a DAG file: the user's code runs here, and nowhere else in the parser.

It may do what it likes: the process is thrown away afterwards. Its output goes nowhere, its memory is limited, and
its end is always the same: one message with what was found or what went wrong.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from tradewind import settings
from tradewind.errors import TradewindError
from tradewind.parser.failure import failure_at, foreign_folders, import_failure
from tradewind.parser.load import load_dags
from tradewind.parser.source import absolute
from tradewind.records import DagSpec, ImportFailure

#: Most files that a DAG file is watched for having read.
MOST_READS = 1_000


class Loaded(msgspec.Struct):
    """What came of loading a DAG file."""

    specs: tuple[DagSpec, ...] = ()
    failure: ImportFailure | None = None
    reads: tuple[str, ...] = ()


def load(path: str, source: str, memory_mb: int, results: int, dumps: int) -> NoReturn:
    """Load the file, write `Loaded` to the descriptor `results`, and end the process."""
    _silence()
    faulthandler.enable(dumps)
    faulthandler.register(signal.SIGTERM, dumps, chain=True)
    sys.dont_write_bytecode = True  # else the DAG folder would change by being looked at
    reads = _note_reads(path)
    finish = _Finish(path, results, reads)
    limits = _limit_memory(memory_mb)
    try:
        specs = _specs(path, source)
        loaded = Loaded(specs)
    except BaseException as error:  # the user's code may raise anything, SystemExit and KeyboardInterrupt included
        _lift_limits(limits)
        loaded = Loaded(failure=_failure(path, error, memory_mb))
    finish(loaded)


def _specs(path: str, source: str) -> tuple[DagSpec, ...]:
    specs = []
    for dag in load_dags(path, source).values():
        try:
            specs.append(dag.spec())
        except TradewindError as error:
            raise _Unusable(error, dag.line) from error
    return tuple(specs)


class _Unusable(Exception):
    """A DAG was built and cannot be used. The error came up after its file was loaded: no frame says where."""

    def __init__(self, error: TradewindError, line: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.line = line


def _failure(path: str, error: BaseException, memory_mb: int) -> ImportFailure:
    if isinstance(error, _Unusable):
        failure = import_failure(path, error.error)
        return msgspec.structs.replace(failure, line=failure.line or error.line)
    failure = import_failure(path, error)
    if isinstance(error, MemoryError):
        message = f"MemoryError: the file needs more than {memory_mb} MB to load (setting parse_memory)"
        failure = msgspec.structs.replace(failure, error=message)
    return failure


class _Finish:
    """Writes the result and ends the process. Also stands in for `os._exit`, so that its caller can be named."""

    def __init__(self, path: str, results: int, reads: dict[str, None]) -> None:
        self._path = path
        self._results = results
        self._reads = reads
        self._pid = os.getpid()
        self._exit = os._exit
        os._exit = self._exit_called

    def __call__(self, loaded: Loaded) -> NoReturn:
        if os.getpid() != self._pid:  # the file forked, and this is the copy: one result is enough
            self._exit(0)
        loaded.reads = tuple(dict.fromkeys([*self._reads, *_modules_near(self._path)]))[:MOST_READS]
        data = memoryview(msgspec.json.encode(loaded))
        while data:
            data = data[os.write(self._results, data) :]
        self._exit(0)

    def _exit_called(self, status: int) -> NoReturn:
        if os.getpid() != self._pid:
            self._exit(status)
        message = f"SystemExit: os._exit({status}): the file ends the process that loads it"
        self(Loaded(failure=failure_at(self._path, message, traceback.extract_stack(sys._getframe(1)))))


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    os.close(nothing)


def _limit_memory(memory_mb: int) -> list[tuple[int, tuple[int, int]]]:
    """Let the process grow by so many MB; returns the limits that were in force.

    What counts is RLIMIT_DATA, memory that can be written to. Address space is limited too, but less tightly: every
    thread reserves far more of it than it uses.
    """
    import resource

    limits = []
    with suppress(OSError, ValueError):  # no /proc: such systems do not enforce these limits either
        sizes = [int(size) * resource.getpagesize() for size in Path("/proc/self/statm").read_text().split()]
        wanted = {resource.RLIMIT_DATA: sizes[5] + (memory_mb << 20), resource.RLIMIT_AS: sizes[0] + (memory_mb << 22)}
        for kind, most in wanted.items():
            before = resource.getrlimit(kind)
            hard = before[1]
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
            limits.append((kind, before))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return limits


def _lift_limits(limits: list[tuple[int, tuple[int, int]]]) -> None:
    """Telling what went wrong takes a little memory as well."""
    import resource

    for kind, before in limits:
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, before)


def _note_reads(path: str) -> dict[str, None]:
    """Note, from now on, the user's files and folders that are read, in the order in which they are."""
    reads: dict[str, None] = {}
    near = _nearby(path)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or len(reads) >= MOST_READS:
            return
        with suppress(Exception):  # an error here would be the user's
            name = absolute(os.fsdecode(arguments[0] if arguments[0] is not None else "."))
            if (event != "open" or not _writes(*arguments[1:3])) and _is_near(name, near):
                reads[name] = None

    sys.addaudithook(note)
    return reads


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _nearby(path: str) -> tuple[str, ...]:
    """The folders that a DAG file's own modules and tables may lie in."""
    return str(Path(path).parent), absolute(settings.read().dags_folder)


def _is_near(name: str, near: tuple[str, ...]) -> bool:
    inside = any(name == folder or name.startswith(folder + os.sep) for folder in near)
    return inside and not name.startswith(foreign_folders()) and "__pycache__" not in name


def _modules_near(path: str) -> list[str]:
    """Files of the user's modules; those that came from compiled code were not opened themselves."""
    near = _nearby(path)
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return [name for name in files if isinstance(name, str) and name != path and _is_near(name, near)]
