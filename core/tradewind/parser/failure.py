"""Why a DAG file cannot be read, told in terms of the user's own lines.

Frames of tradewind, of the standard library and of installed packages are left out: the cause is seldom there, and
what the user can change never is.
"""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import tradewind
from tradewind.errors import TradewindError
from tradewind.plugins import about_missing_module
from tradewind.records import ImportFailure
from tradewind.secrets import redact

#: Longest `error` and `traceback` that are kept.
MOST_ERROR = 1_000  # characters
MOST_TRACEBACK = 20_000  # characters

#: Where users of Airflow look for names: in Airflow, and in tradewind at the places that Airflow has them.
_AIRFLOWS_PLACES = ("airflow", "tradewind.")

#: One frame in what faulthandler writes when a process crashes.
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')


def import_failure(path: str | Path, error: BaseException) -> ImportFailure:
    """The failure that an exception amounts to, raised while the DAG file at `path` was loaded."""
    told = traceback.TracebackException.from_exception(error)
    for part in _chain(told):
        _keep_own_frames(part)
    return _failure(path, _headline(path, error, told), "".join(told.format()), _line(path, told))


def failure_at(path: str | Path, message: str, stack: traceback.StackSummary) -> ImportFailure:
    """A failure that is no exception, with the place where it came about, outermost frame first."""
    own = traceback.StackSummary.from_list([frame for frame in stack if not is_foreign(frame.filename)])
    shown = f"Traceback (most recent call last):\n{''.join(own.format())}" if own else ""
    return _failure(path, message, f"{shown}{message}\n", _last_line(path, own))


def failure_in_dump(path: str | Path, message: str, dump: str) -> ImportFailure:
    """A failure of a process that was ended from outside or crashed; `dump` is what faulthandler wrote of it."""
    # Frames are listed innermost first, thread by thread. The thread that loads the file is what we look for.
    escaped = os.fspath(path).encode("ascii", "backslashreplace").decode()
    for thread in re.split(r"^(?:Current t|T)hread .*$", dump, flags=re.MULTILINE):
        found = [_FRAME.match(line) for line in thread.splitlines()]
        frames = [(match[1], int(match[2]), match[3]) for match in found if match]
        if any(filename == escaped for filename, _, _ in frames):
            here = [(os.fspath(path) if name == escaped else name, line, code) for name, line, code in frames]
            return failure_at(
                path,
                message,
                traceback.StackSummary.from_list(
                    [traceback.FrameSummary(name, line, code) for name, line, code in reversed(here)]
                ),
            )
    return failure_at(path, message, traceback.StackSummary())


def is_foreign(filename: str) -> bool:
    """Whether a file is part of Python, of tradewind or of an installed package."""
    return filename.startswith(("<", *foreign_folders()))


@lru_cache(maxsize=1)
def foreign_folders() -> tuple[str, ...]:
    """Where the code lies that no DAG author writes, each with a separator at its end."""
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found.add(str(Path(tradewind.__path__[0])))
    found |= {os.path.realpath(path) for path in found}
    return tuple(sorted(path.rstrip(os.sep) + os.sep for path in found))


def _failure(path: str | Path, message: str, shown: str, line: int | None) -> ImportFailure:
    message = " ".join(redact(message).split())
    shown = redact(shown)
    if len(message) > MOST_ERROR:
        message = message[: MOST_ERROR - 3] + "..."
    if len(shown) > MOST_TRACEBACK:
        half = MOST_TRACEBACK // 2
        shown = f"{shown[:half]}\n  ... (shortened) ...\n{shown[-half:]}"
    return ImportFailure(os.fspath(path), message, shown, line)


def _headline(path: str | Path, error: BaseException, told: traceback.TracebackException) -> str:
    if isinstance(error, SyntaxError):  # its text names file and line, which the failure has of its own
        elsewhere = error.filename and error.filename != os.fspath(path)
        place = f" ({error.filename}, line {error.lineno})" if elsewhere else ""
        return f"{type(error).__name__}: {error.msg}{place}"
    if isinstance(error, TradewindError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, SystemExit):
        return f"SystemExit: {error.code}: the file ends the process that loads it; a DAG file must not call sys.exit()"
    lines = [line for line in told.format_exception_only() if not line.startswith("  ")]
    headline = (lines[0] if lines else type(error).__name__).strip()
    if isinstance(error, ModuleNotFoundError):
        if (error.name or "").startswith(_AIRFLOWS_PLACES):
            return f"{headline}; Airflow's names are in tradewind, tradewind.operators and tradewind.sensors"
        return headline + about_missing_module(error)
    return headline


def _line(path: str | Path, told: traceback.TracebackException) -> int | None:
    """The line of the DAG file: where it is wrong itself, or the one that led to the error."""
    if getattr(told, "filename", None) == os.fspath(path) and getattr(told, "lineno", None):
        return int(str(told.lineno))
    for part in _chain(told):
        found = _last_line(path, part.stack)
        if found is not None:
            return found
    return None


def _last_line(path: str | Path, stack: traceback.StackSummary) -> int | None:
    lines = [frame.lineno for frame in stack if frame.filename == os.fspath(path)]
    return lines[-1] if lines else None


def _chain(told: traceback.TracebackException | None) -> Iterator[traceback.TracebackException]:
    """The exception, what it was raised from or while handling, and the members of groups."""
    waiting = [told]
    while waiting:
        part = waiting.pop(0)
        if part is not None:
            yield part
            waiting += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]


def _keep_own_frames(told: traceback.TracebackException) -> None:
    told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if not is_foreign(frame.filename)])
