"""`tradewind sandbox`: throw-away servers from the command line; and the options `--sandbox` of other commands."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click

from tradewind.cli.app import Group
from tradewind.cli.exit_codes import INTERRUPTED
from tradewind.cli.output import output_option, show_rows
from tradewind.errors import TradewindError, UsageError

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Group)
def sandbox() -> None:
    """Start throw-away servers to try things on."""


@sandbox.command("list")
@output_option
def list_(output: str) -> None:
    """List the connection types that have a sandbox, and whether it can be started here."""
    from tradewind import plugins
    from tradewind.sandbox import wiring

    found = plugins.current()
    rows = []
    for name, path in sorted(wiring.sandboxes().items()):
        declared = found.connection_type(name)
        label = declared.label if declared is not None else ""
        provider = found.owners[f"register_sandboxes:{name}"]
        rows.append({"type": name, "label": label, "provider": provider, "ready": _ready(path)})
    empty = "No installed provider brings a sandbox."
    show_rows(rows, ("type", "label", "provider", "ready"), output, empty=empty)


def _ready(path: str) -> str:
    """What the list says of a sandbox: yes, or what is in the way."""
    from tradewind import plugins

    try:
        plugins.load_object(path)().check()
    except TradewindError as error:
        return str(error)
    return "yes"


@sandbox.command(context_settings={"allow_interspersed_args": False})
@click.argument("words", nargs=-1, required=True, metavar="[ID=]TYPE... [-- COMMAND...]")
@click.pass_context
def start(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Start sandboxes and print the variables that lead to them, until Ctrl-C; or run a command with these variables.

    `postgres` is found as the connection that its hook has by default, postgres_default, and `warehouse=postgres` as
    warehouse. With `-- COMMAND` nothing is printed: the sandboxes are there for as long as the command runs, and its
    exit code is the answer.
    """
    from tradewind.sandbox import wiring

    at = words.index("--") if "--" in words else len(words)
    asked, command = _asked_for(words[:at]), words[at + 1 :]
    if command and shutil.which(command[0]) is None:
        raise UsageError(f"There is no command {command[0]!r}.")
    with _Stop() as stop, wiring.started(asked, _tell) as connections:
        leading, hiding = wiring.variables(connections), wiring.hiding_variables(connections)
        if command:
            inherited = {name: value for name, value in os.environ.items() if name not in hiding}
            ctx.exit(stop.run(command, {**inherited, **leading}))
        for name in hiding:
            if name in os.environ:
                click.echo(f"unset {name}")
        for name, value in leading.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        _tell("Ctrl-C stops them.")
        stop.wait()


def _asked_for(words: Iterable[str]) -> dict[str, str]:
    """Connection ids and types of the words `postgres` and `warehouse=postgres`."""
    from tradewind.sandbox import wiring

    asked: dict[str, str] = {}
    for word in words:
        conn_id, equals, name = word.rpartition("=")
        if word.startswith("-"):
            raise click.UsageError(f"There is no option {word!r} here; what comes after `--` is the command to run.")
        conn_type = wiring.sandbox_type(name)
        conn_id = conn_id if equals else wiring.default_id(conn_type)
        if not conn_id or conn_id in asked:
            what = f"{conn_id!r} is asked for twice" if conn_id else f"{word!r} names no connection"
            raise UsageError(f"{what}: write ID=TYPE, such as warehouse={name}.")
        asked[conn_id] = conn_type
    return asked


class _Stop:
    """Turns the signals that would end this process into the end of its wait, or passes them on to a command."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._command: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> _Stop:
        self._before = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self) -> None:
        self._told.wait()

    def run(self, command: Sequence[str], environ: Mapping[str, str]) -> int:
        """Run a command to its end, and answer its exit code as a shell would."""
        if self._told.is_set():
            return INTERRUPTED
        try:
            self._command = subprocess.Popen(command, env=environ)
        except OSError as error:
            raise UsageError(f"{command[0]!r} cannot be run: {error.strerror}.") from error
        code = self._command.wait()
        return code if code >= 0 else 128 - code

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._told.set()
        if self._command is not None and number != signal.SIGINT:  # the terminal sends Ctrl-C to both
            self._command.send_signal(number)


def sandbox_options(command: F) -> F:
    """Adds `--sandbox` and `--sandbox-type`; the command gets the two as `sandbox`: None, or types by connection id."""
    types = click.option(
        "--sandbox-type",
        "sandbox_types",
        multiple=True,
        metavar="ID=TYPE",
        help="Type of a connection, for --sandbox, where the DAG file does not tell it.",
    )
    flag = click.option(
        "--sandbox",
        "in_sandbox",
        is_flag=True,
        help="Let sandboxes stand in for the connections that the DAGs use.",
    )

    @functools.wraps(command)
    def wrapper(*args: Any, in_sandbox: bool, sandbox_types: tuple[str, ...], **kwargs: Any) -> Any:
        given = dict(_given_type(word) for word in sandbox_types)
        if given and not in_sandbox:
            raise click.UsageError("--sandbox-type goes with --sandbox.")
        return command(*args, sandbox=given if in_sandbox else None, **kwargs)

    return flag(types(wrapper))  # type: ignore[return-value]  # a command is made of it at once


def _given_type(word: str) -> tuple[str, str]:
    conn_id, equals, name = word.partition("=")
    if not conn_id or not equals or not name:
        raise click.UsageError(f"--sandbox-type {word!r} should be ID=TYPE, such as warehouse=postgres.")
    return conn_id, name


@contextmanager
def in_sandbox(files: Iterable[str], given: Mapping[str, str] | None) -> Iterator[None]:
    """Within the block sandboxes stand in for what the DAG files use, unless `given` is None."""
    if given is None:
        yield
        return
    from tradewind.sandbox import wiring

    with wiring.sandboxed(files, given, _tell):
        yield


@contextmanager
def nothing_real() -> Iterator[None]:
    """Within the block no connection is found that a sandbox could stand in for."""
    from tradewind.sandbox import wiring

    with wiring.standing_in({}):
        yield


def _tell(line: str) -> None:
    click.echo(line, err=True)
