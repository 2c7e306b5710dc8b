"""Reads one DAG file, whatever it does, into a `ParsedFile`."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from tradewind.errors import DagError
from tradewind.parser.failure import failure_in_dump, import_failure
from tradewind.parser.guard import MOST_PROCESSES, Report
from tradewind.parser.inside import Loaded
from tradewind.parser.source import absolute, decode, file_hash, read_bytes
from tradewind.records import ImportFailure, ParsedFile
from tradewind.zygote import Zygote, receive

#: What a zygote should have loaded that is to parse many files.
PRELOAD = ("tradewind.parser.guard", "tradewind.taskflow", "tradewind.operators.python")

#: How long the guard may take, beyond the time that the file has, to clean up and report.
SLACK = 20.0  # seconds


def parse_file(path: str | Path, *, timeout: float, memory_mb: int, zygote: Zygote | None = None) -> ParsedFile:
    """Load a DAG file in a process of its own; whatever it does becomes its result.

    It gets `timeout` seconds and may use `memory_mb` MB. Without a `zygote` one is started for this call alone.
    Raises ProcessError only if no process can be started.
    """
    began = time.monotonic()
    path = absolute(path)
    try:
        data = read_bytes(path)
    except (OSError, DagError) as error:
        return ParsedFile(path, "", "", failure=import_failure(path, error))
    try:
        source = decode(path, data)
    except SyntaxError as error:
        text = data.decode("utf-8", "replace")
        return ParsedFile(path, file_hash(data), text, failure=import_failure(path, error))
    loaded = _load(path, source, timeout, memory_mb, zygote)
    seconds = time.monotonic() - began
    return ParsedFile(path, file_hash(data), source, loaded.specs, loaded.failure, seconds, loaded.reads)


def _load(path: str, source: str, timeout: float, memory_mb: int, zygote: Zygote | None) -> Loaded:
    with ExitStack() as stack:
        zygote = zygote or stack.enter_context(Zygote())
        child = stack.enter_context(zygote.fork("tradewind.parser.guard:guard", [path, source, timeout, memory_mb]))
        child.sock.settimeout(timeout + SLACK)
        try:
            report: Report | None = receive(child.sock, Report)
        except TimeoutError:
            child.kill()
            report = None
    if report is None:
        message = "ProcessError: the process that watches over the loading of the file died or hung"
        return Loaded(failure=ImportFailure(path, message))
    return _read(path, report, timeout)


def _read(path: str, report: Report, timeout: float) -> Loaded:
    if not report.ended_for and report.exit_code == 0 and report.result:
        try:
            return msgspec.json.decode(report.result, type=Loaded)
        except msgspec.DecodeError:
            pass  # the file wrote into a descriptor that is not its own
    return Loaded(failure=failure_in_dump(path, _reason(report, timeout), report.dump))


def _reason(report: Report, timeout: float) -> str:
    if report.ended_for == "timeout":
        return f"Timeout: the file was not loaded within {timeout:g} seconds (setting parse_timeout)"
    if report.ended_for == "processes":
        return f"ProcessError: the file started more than {MOST_PROCESSES} processes"
    if report.exit_code < 0:
        name = _signal_name(-report.exit_code)
        hint = "; the machine may be out of memory" if report.exit_code == -signal.SIGKILL else ""
        return f"Crash: the process that loads the file was killed by {name}{hint}"
    return f"Crash: the process that loads the file ended by itself, with exit code {report.exit_code}"


def _signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} ({signal.strsignal(number)})"
    except ValueError:
        return f"signal {number}"
