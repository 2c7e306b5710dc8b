"""A child process of a task: in a process group of its own, its output read line by line, and stopped as a whole.

The group belongs to the same session as the attempt, so whoever ends the attempt's session ends it too.
"""

from __future__ import annotations

import codecs
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradewind import settings
from tradewind.errors import TradewindError

#: How much is read at once.
_CHUNK = 65_536  # bytes

#: The end of a quiet process whose output somebody else holds open is noticed within this time.
_LOOK_EVERY = 0.5  # seconds

#: Output of processes that outlive the command is read for so long, and no longer.
_AFTER_END = 1.0  # seconds

#: Linux refuses longer single arguments (128 KiB); such a command is run from a file.
_LONGEST_ARGUMENT = 100_000  # bytes

#: Names of the environment variables that tell a command which task it is.
_CONTEXT_PREFIXES = ("TRADEWIND_CTX_", "AIRFLOW_CTX_")


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    exit_code: int  #: negative: the number of the signal that ended it
    last_line: str  #: of its output, without the line end
    cut: bool = False  #: the last line was too long to be kept whole

    @property
    def told(self) -> str:
        """The end in words: "ended with exit code 127 (command not found)"."""
        code = self.exit_code
        if code < 0:
            return f"was ended by {_signal_name(-code)}"
        hints = {126: "it cannot be executed", 127: "command not found"}
        hint = hints.get(code, _signal_name(code - 128) if 128 < code < 160 else "")
        return f"ended with exit code {code}" + (f" ({hint})" if hint else "")


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name


@dataclass
class Command:
    """One command, started by `run`. `on_line` gets each line of its output (standard error included) as it comes."""

    argv: Sequence[str]
    on_line: Callable[[str], None]
    env: Mapping[str, str] | None = None  #: None: that of this process
    cwd: str | Path | None = None
    encoding: str = "utf-8"  #: of the output; bytes that do not fit it are shown as \xNN
    longest_line: int = 1_000_000  #: characters; longer lines reach `on_line` in pieces

    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)  # signal handlers may stop it too
    _stopped: bool = field(default=False, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _thread: int | None = field(default=None, init=False)  # the one that reads the output
    _parts: list[str] = field(default_factory=list, init=False)
    _length: int = field(default=0, init=False)
    _cut: bool = field(default=False, init=False)
    _last: tuple[str, bool] = field(default=("", False), init=False)

    def run(self) -> Finished:
        """Start it, read its output, and wait for its end. Whatever breaks this off also stops the command."""
        process = self._start()
        with self._lock:
            self._process, stopped = process, self._stopped
        self._thread = threading.get_ident()
        assert process.stdout is not None
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="backslashreplace")
        try:
            if stopped:
                self.stop()
            for chunk in self._chunks(process):
                self._feed(decoder.decode(chunk))
            self._feed(decoder.decode(b"", final=True))
            if self._parts or self._cut:
                self._end_line()
            code = process.wait()
        except BaseException:
            self.stop()
            raise
        finally:
            process.stdout.close()
            self._process = None
        return Finished(code, *self._last)

    def stop(self, grace: float | None = None) -> None:
        """Ask the command and all that it started to end; kill what is left after `grace` seconds.

        If it is only just being started, `run` stops it.
        """
        with self._lock:
            process, self._stopped = self._process, True
        if process is None:
            return
        grace = settings.read().kill_grace if grace is None else grace
        until = time.monotonic() + grace
        _signal_group(process.pid, signal.SIGTERM)
        while _group_lives(process) and time.monotonic() < until:
            if self._thread == threading.get_ident():
                self._drain(process)
            else:
                time.sleep(0.02)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                list(self.argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=None if self.env is None else dict(self.env),
                cwd=self.cwd,
                process_group=0,
            )
        except (OSError, ValueError) as error:
            raise TradewindError(f"The command {self.argv[0]} cannot be started: {error}.") from error

    def _chunks(self, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
        """The output as it comes, until it ends, or shortly after the command did if others hold it open."""
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        give_up: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while give_up is None or time.monotonic() < give_up:
                if selector.select(_LOOK_EVERY if give_up is None else _AFTER_END / 5):
                    chunk = os.read(descriptor, _CHUNK)
                    if not chunk:
                        return
                    yield chunk
                elif give_up is not None:
                    return
                if give_up is None and process.poll() is not None:
                    give_up = time.monotonic() + _AFTER_END

    def _drain(self, process: subprocess.Popen[bytes]) -> None:
        """Read a little of what a command says while it is being stopped: it must not hang on a full pipe."""
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout.fileno(), selectors.EVENT_READ)
            if selector.select(0.02):
                chunk = os.read(process.stdout.fileno(), _CHUNK)
                if chunk:
                    self._feed(chunk.decode(self.encoding, errors="backslashreplace"))
                    return
        time.sleep(0.02)

    def _feed(self, text: str) -> None:
        *lines, rest = text.split("\n")
        for line in lines:
            self._parts.append(line)
            self._end_line()
        if rest:
            self._parts.append(rest)
            self._length += len(rest)
        if self._length > self.longest_line:
            self.on_line("".join(self._parts))
            self._parts, self._length, self._cut = [], 0, True

    def _end_line(self) -> None:
        line = "".join(self._parts).rstrip()
        self._last = (line, self._cut)
        self._parts, self._length, self._cut = [], 0, False
        self.on_line(line)


@contextmanager
def bash(command: str) -> Iterator[list[str]]:
    """The argument vector that runs `command` in bash."""
    found = shutil.which("bash")
    if found is None:
        raise TradewindError("There is no bash on the PATH; install it, or use another operator.")
    if "\0" in command:
        raise TradewindError("The bash command contains a zero byte, which no command can.")
    if len(command.encode(errors="surrogateescape")) <= _LONGEST_ARGUMENT:
        yield [found, "-c", command]
        return
    with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="utf-8", errors="surrogateescape") as script:
        script.write(command)
        script.flush()
        yield [found, script.name]


def task_environment(context: Mapping[str, Any], env: Mapping[str, Any] | None, *, append: bool) -> dict[str, str]:
    """The environment of a task's command: that of this process, or `env`, or both, and what names the task."""
    own = dict(os.environ) if env is None or append else {}
    for name, value in (env or {}).items():
        if not isinstance(value, str):
            raise TradewindError(
                f"The environment variable {name!r} must be text, not {type(value).__name__}: write str(...) around it."
            )
        own[name] = value
    return {**own, **_context_variables(context)}


def _context_variables(context: Mapping[str, Any]) -> dict[str, str]:
    ti, task = context.get("ti"), context.get("task")
    if ti is None:
        return {}
    values = {
        "DAG_ID": ti.dag_id,
        "TASK_ID": ti.task_id,
        "DAG_RUN_ID": ti.run_id,
        "TRY_NUMBER": str(ti.try_number),
        "LOGICAL_DATE": context["ts"],
        "EXECUTION_DATE": context["ts"],
        "DAG_OWNER": str(getattr(task, "owner", "")),
    }
    return {prefix + name: value for prefix in _CONTEXT_PREFIXES for name, value in values.items()}


@contextmanager
def working_folder(cwd: str | Path | None) -> Iterator[str]:
    """`cwd`, or a fresh folder that is removed afterwards. Raises TradewindError if `cwd` is not a folder."""
    if cwd is None:
        with tempfile.TemporaryDirectory(prefix="tradewind-", ignore_cleanup_errors=True) as folder:
            yield folder
        return
    if not Path(cwd).is_dir():
        told = "is not a folder" if Path(cwd).exists() else "does not exist"
        raise TradewindError(f"The working folder {str(cwd)!r} {told}; make it first, or change cwd.")
    yield str(cwd)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # all gone, or (macOS) only a zombie is left
        return


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    """Whether the command or anything else of its group still runs."""
    if process.poll() is None:
        return True
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return not _only_zombies(process.pid)


def _only_zombies(group: int) -> bool:
    """Whether all that is left of a group has ended and waits to be collected by whoever collects orphans here."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group, *_ = stat.read_text(errors="replace").rpartition(")")[2].split()
        except (OSError, ValueError):  # it ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            return False
    return Path("/proc/self/stat").exists()  # elsewhere nobody can tell
