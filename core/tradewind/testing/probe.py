"""Looks at a provider in a process of its own: what its import costs, loads and does, and what its hooks need.

`python -m tradewind.testing.probe NAME LIBRARY...` prints a `Report` as JSON. Nothing else of tradewind than what an
import of it loads is there when the provider comes in, which no test process can offer.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

#: A connection id that no source knows.
UNKNOWN = "tradewind_probe_no_such_connection"

#: What a provider cannot do without.
_OURS = ("tradewind.hookspecs", "tradewind.records", "tradewind.hook", "tradewind.operator")

_PATIENCE = 60.0  # seconds


class Report(msgspec.Struct):
    """What the probe saw. Seconds are those of the wall clock."""

    tradewind_seconds: float = 0.0  #: importing what a plugin module needs of tradewind
    provider_seconds: float = 0.0  #: importing the plugin module, after that
    problem: str = ""  #: why the plugin module cannot be imported
    printed: str = ""
    threads: list[str] = []  #: started by the import
    network: list[str] = []  #: what the import did on the network
    loaded: dict[str, str] = {}  #: those of the libraries asked about that were loaded -> by what
    hooks: dict[str, str] = {}  #: connection type -> what is wrong when its hook is made for an unknown connection
    written: list[str] = []  #: files that were made in the home folder and the current one


def probe(name: str, libraries: Iterable[str] = ()) -> Report:
    """Look at the installed provider `name`, and whether it loads any of `libraries` (names of imports)."""
    with tempfile.TemporaryDirectory(prefix="tradewind-probe-") as folder:
        environ = {**os.environ, "HOME": folder, "TRADEWIND_HOME": f"{folder}/home", "PYTHONDONTWRITEBYTECODE": "1"}
        environ["TRADEWIND_PLUGINS"] = name  # what others load is not its fault
        environ.pop("TRADEWIND_STRICT_PLUGINS", None)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "tradewind.testing.probe", name, *libraries],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
        written = sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        told = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        return Report(problem=f"the process ended: {told}", written=written)
    report = msgspec.json.decode(lines[-1], type=Report)
    report.written = written
    return report


class _Watch:
    """Notes what is done on the network; an audit hook cannot be taken away again, so it is for this process only."""

    _EVENTS = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname")

    def __init__(self) -> None:
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in self._EVENTS:
            self.seen.append(event)


def _look(name: str, libraries: list[str]) -> Report:
    report = Report()
    started = time.perf_counter()
    for module in _OURS:
        importlib.import_module(module)
    report.tradewind_seconds = time.perf_counter() - started
    libraries = [library for library in libraries if library not in sys.modules]  # tradewind itself needs the others
    (point,) = importlib.metadata.entry_points(group="tradewind", name=name)
    watch, output = _Watch(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        started = time.perf_counter()
        try:
            point.load()
        except BaseException as error:  # SystemExit as well: it is what there is to tell
            report.problem = traceback.format_exception_only(error)[-1].strip()
            return report
        report.provider_seconds = time.perf_counter() - started
        report.threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        report.network = list(watch.seen)
        _note_loaded(report, libraries, "importing its plugin module")
        types = list(_described_types(name))
        _note_loaded(report, libraries, "listing providers")
        report.hooks = {kind.name: told for kind in types if kind.hook and (told := _make_hook(kind.hook, watch))}
        _note_loaded(report, libraries, "making a hook")
    report.printed = output.getvalue()
    return report


def _note_loaded(report: Report, libraries: list[str], step: str) -> None:
    for library in libraries:
        if library in sys.modules:
            report.loaded.setdefault(library, step)


def _described_types(name: str) -> Iterator[Any]:
    """The connection types of one provider, after everything was asked that lists and forms show."""
    from tradewind import plugins  # not before the provider, whose import is measured and watched

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", plugins.PluginWarning)
        found = plugins.current()
    for kind in {id(kind): kind for kind in found.connection_types.values()}.values():
        repr(kind)
        if found.owners[f"connection type:{kind.name}"] == name:
            yield kind


def _make_hook(path: str, watch: _Watch) -> str:
    """What is wrong when a hook is made as a DAG file makes it: with an id that need not be known yet."""
    from tradewind.plugins import load_object

    watch.seen.clear()
    try:
        kind = load_object(path)
        kind(**{kind.conn_name_attr: UNKNOWN})
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return f"it used the network ({watch.seen[0]})" if watch.seen else ""


if __name__ == "__main__":
    answer = _look(sys.argv[1], sys.argv[2:])
    sys.__stdout__.write(json.dumps(msgspec.to_builtins(answer)) + "\n")  # type: ignore[union-attr]
