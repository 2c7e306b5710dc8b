"""Writes the reference pages that are made from the code: `python docs/generate.py`.

`--check` writes nothing and answers exit code 1 if a page is out of date; a test uses it.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- made by docs/generate.py from the code: change the code, not this page -->\n"


def cli_page() -> str:
    """Every command with its arguments and options."""
    from tradewind.cli.app import COMMANDS, root

    context = click.Context(root, info_name="tradewind")
    lines = [
        "# Command line",
        "",
        NOTE,
        "Wherever something is listed, `-o json` and `-o yaml` give it to programs, `-o plain` to `grep` and `awk`. An",
        "error is one line on stderr and exit code 2; `--debug` adds the traceback. A DAG or task that was run here",
        "and failed gives exit code 1.",
        "",
    ]
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        lines += _command(command, ["tradewind", name], level=2)
    return "\n".join(lines).rstrip() + "\n"


def _command(command: click.Command, path: list[str], level: int) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(path))
    yield f"{'#' * level} `{' '.join(path)}`"
    yield ""
    yield inspect.cleandoc(command.help or "")
    yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _command(child, [*path, name], level + 1)
        return
    yield f"    {' '.join([*path, *command.collect_usage_pieces(context)])}"
    yield ""
    rows = [record for record in (_option(option, context) for option in command.get_params(context)) if record]
    if rows:
        yield "| option | |"
        yield "|---|---|"
        yield from rows
        yield ""


def _option(option: click.Parameter, context: click.Context) -> str | None:
    if not isinstance(option, click.Option) or option.hidden or "--help" in option.opts:
        return None
    record = option.get_help_record(context)
    return f"| `{_cell(record[0])}` | {_cell(record[1])} |" if record else None


def hooks_page() -> str:
    """Every hook that a provider may implement."""
    from tradewind import hookspecs

    lines = [
        "# Provider hooks",
        "",
        NOTE,
        "A provider is a package with an entry point in the group `tradewind`; it marks functions with",
        "`tradewind.hookspecs.hookimpl`. Things are registered under a name as a dotted string,",
        "`package.module:Name`, which is imported when somebody asks for that thing and not before.",
        "",
    ]
    for name, hook in vars(hookspecs).items():
        if getattr(hook, "tradewind_spec", None) is not None:
            signature = str(inspect.signature(hook)).replace("'", "")
            lines += [f"## `{name}`", "", f"    {name}{signature}", "", inspect.cleandoc(hook.__doc__ or ""), ""]
    lines += ["## Connection types of the core", "", *_connection_types(), ""]
    return "\n".join(lines).rstrip() + "\n"


def _connection_types() -> Iterator[str]:
    from tradewind import builtin

    declared: list[Any] = []
    builtin.register_connection_types(register=declared.append)
    yield "| type | also written | port | extras |"
    yield "|---|---|---|---|"
    for one in declared:
        extras = "; ".join(f"`{extra.name}` ({extra.type.__name__}): {extra.help}" for extra in one.extras)
        aliases = ", ".join(f"`{alias}`" for alias in one.aliases)
        yield f"| `{one.name}` | {aliases} | {one.default_port or ''} | {_cell(extras)} |"


#: What DAG and provider authors import, by the module that it is imported from.
CLASSES = {
    "tradewind": ["BaseHook", "Connection", "Variable", "DAG", "TaskGroup", "BaseOperator", "BaseSensor", "Param"],
    "tradewind.operators": None,
    "tradewind.sensors": None,
    "tradewind.transfer": [
        "Transfer",
        "LocalFile",
        "FileEndpoint",
        "Column",
        "Type",
        "Source",
        "Sink",
        "RowReader",
        "CsvReader",
        "RowWriter",
        "CsvWriter",
    ],
    "tradewind_sql": [
        "DbApiHook",
        "SqliteHook",
        "SQLExecuteQueryOperator",
        "SQLInsertRowsOperator",
        "SQLBulkLoadOperator",
        "GenericTransfer",
        "SQLCheckOperator",
        "SQLValueCheckOperator",
        "SQLThresholdCheckOperator",
        "SQLIntervalCheckOperator",
        "SQLColumnCheckOperator",
        "SQLTableCheckOperator",
        "BranchSQLOperator",
        "SqlSensor",
        "SqlTable",
        "SqlQuery",
        "SqliteTable",
        "SqliteQuery",
    ],
    "tradewind_postgres": ["PostgresHook", "PostgresOperator", "PostgresTable", "PostgresQuery"],
    "tradewind_mysql": ["MySqlHook", "MySqlOperator", "MySqlTable", "MySqlQuery"],
    "tradewind_aws": None,
    "tradewind_gsheet": None,
    "tradewind_slack": None,
    "tradewind_http": None,
}


def classes_page() -> str:
    """Every public hook, operator and sensor with its arguments and what else can be called on it."""
    lines = [
        "# Hooks, operators, sensors",
        "",
        NOTE,
        "Arguments are those that a class adds; every operator takes those of `BaseOperator` as well, and every sensor",
        "those of `BaseSensor`.",
        "",
    ]
    for module_name, names in CLASSES.items():
        module = importlib.import_module(module_name)
        lines += [f"## `{module_name}`", ""]
        for name in names or sorted(module.__all__):
            found = getattr(module, name)
            if inspect.isclass(found) and found.__name__ == name:
                lines += _class(found)
    return "\n".join(lines).rstrip() + "\n"


def _class(found: type) -> Iterator[str]:
    yield f"### `{found.__name__}`"
    yield ""
    yield from [f"    {found.__name__}{_signature(found.__init__)}", ""]
    yield from [inspect.cleandoc(found.__doc__ or ""), ""]
    rows = [row for name, member in _members(found).items() for row in _member(name, member)]
    if rows:
        yield from ["| member | |", "|---|---|", *rows, ""]


def _members(found: type) -> dict[str, Any]:
    """Public members, with those of the parts that it is put together from, without those of classes listed above."""
    above = {name for names in CLASSES.values() for name in names or ()} - {found.__name__}
    parts = [part for part in found.__mro__ if part.__module__.startswith("tradewind") and part.__name__ not in above]
    return {name: member for part in reversed(parts) for name, member in vars(part).items() if not name.startswith("_")}


def _member(name: str, member: Any) -> Iterator[str]:
    if isinstance(member, (staticmethod, classmethod)):
        member = member.__func__
    shown = f"{name}{_signature(member)}" if inspect.isfunction(member) else name
    function = member if inspect.isfunction(member) else getattr(member, "fget", None) or getattr(member, "func", None)
    told = inspect.getdoc(function) if function is not None else None
    if told:
        yield f"| `{_cell(shown)}` | {_cell(told.split(chr(10) * 2)[0])} |"


def _signature(function: Any) -> str:
    """The signature without `self` and `cls`, and without the quotes of postponed annotations."""
    signature = inspect.signature(inspect.unwrap(function))
    parameters = [found for found in signature.parameters.values() if found.name not in ("self", "cls")]
    return re.sub(r" at 0x[0-9a-f]+", "", str(signature.replace(parameters=parameters)).replace("'", ""))


def testing_page() -> str:
    """The fixtures of the pytest plugin, and every contract with its flags and laws."""
    from tradewind import testing
    from tradewind.testing import plugin
    from tradewind.testing.laws import Contract

    lines = [
        "# Testing",
        "",
        NOTE,
        "`tradewind.testing` is for the tests of providers, executors and DAGs;",
        "[Write a provider](../howto/write-a-provider.md#the-tests) shows it at work. Its fixtures come with a plugin",
        "of pytest, which is active wherever tradewind is installed.",
        "",
        "## Fixtures",
        "",
        "| fixture | |",
        "|---|---|",
    ]
    for name in ("connection", "run_dag", "run_task", "sandbox", "sandboxes"):
        told = inspect.getdoc(inspect.unwrap(getattr(plugin, name).__wrapped__)) or ""
        lines.append(f"| `{name}` | {_cell(told)} |")
    lines += ["", "## `run_task`, `run_dag`", ""]
    for name in ("run_task", "run_dag"):
        found = getattr(testing, name)
        lines += [f"    {name}{_signature(found)}", "", inspect.cleandoc(found.__doc__ or ""), ""]
    for name in testing.__all__:
        found = getattr(testing, name)
        if inspect.isclass(found) and issubclass(found, Contract) and found is not Contract:
            lines += _contract(found)
    return "\n".join(lines).rstrip() + "\n"


def _contract(found: Any) -> Iterator[str]:
    yield f"## `{found.__name__}`"
    yield ""
    yield from [inspect.cleandoc(found.__doc__ or ""), ""]
    flags = list(_flags(found))
    if flags:
        yield from ["| attribute | default | |", "|---|---|---|", *flags, ""]
    yield from ["| law | holds if | |", "|---|---|---|"]
    for name, law in found.laws().items():
        needs = ", ".join(f"`{flag}`" for flag in getattr(law, "needs", ()))
        yield f"| `{name}` | {needs} | {_cell(inspect.getdoc(law) or '')} |"
    yield ""


#: A class variable with the comment above it, as the sources of contracts have them.
_FLAG = re.compile(r"(?P<told>(?: +#: .*\n)+) +(?P<name>\w+): ClassVar\[.*\](?: = (?P<default>.*))?\n")


def _flags(found: type) -> Iterator[str]:
    """Of a contract and those that it derives from, but for what it gives itself."""
    parts = [part for part in reversed(found.__mro__) if vars(part).get("_is_contract")]
    for match in (match for part in parts for match in _FLAG.finditer(inspect.getsource(part))):
        if not match["default"] and hasattr(found, match["name"]):
            continue
        told = " ".join(match["told"].replace("#:", "").split())
        default = f"`{match['default']}`" if match["default"] else "must be given"
        yield f"| `{match['name']}` | {default} | {_cell(told)} |"


def settings_page() -> str:
    """Every setting with its variables and default."""
    from tradewind import settings

    lines = [
        "# Settings",
        "",
        NOTE,
        "The first of these that is there wins: the variable, the variable with `_FILE` (a file that holds the value)",
        "or `_CMD` (a command that prints it), Airflow's own variable, the file `tradewind.toml` in the home folder,",
        "the default. An empty variable counts as not set. A value that cannot be used is an error that names its",
        "source. `tradewind config list` shows the values in force and where each comes from.",
        "",
        "| setting | default | what it is | variables |",
        "|---|---|---|---|",
    ]
    for item in fields(settings.Settings):
        default = item.default_factory() if callable(item.default_factory) else item.default
        shown = ", ".join(default) if isinstance(default, tuple) else str(default)
        variables = [settings.env_name(item.name), *item.metadata["airflow"]]
        names = ", ".join(f"`{name}`" for name in variables)
        code = f"`{shown}`" if shown else ""
        lines.append(f"| `{item.name}` | {code} | {_cell(item.metadata['help'])} | {names} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {
    "classes.md": classes_page,
    "cli.md": cli_page,
    "hooks.md": hooks_page,
    "settings.md": settings_page,
    "testing.md": testing_page,
}


def main(arguments: list[str]) -> int:
    old = [name for name, page in PAGES.items() if _now(name) != page()]
    if "--check" in arguments:
        for name in old:
            print(f"docs/reference/{name} is out of date: run `python docs/generate.py`.", file=sys.stderr)
        return 1 if old else 0
    FOLDER.mkdir(exist_ok=True)
    for name in old:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"docs/reference/{name} is written.")
    return 0


def _now(name: str) -> str:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
