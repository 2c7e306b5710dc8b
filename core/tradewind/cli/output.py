"""Prints what commands found: as a table for people, as JSON for programs, or as YAML.

The table is drawn with rich when stdout is a terminal. Piped, or asked for as `plain`, it is plain columns with their
full content, however wide: what `grep` and `awk` want. JSON keeps its keys; a missing value is null.
"""

from __future__ import annotations

import datetime
import enum
import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "json", "yaml", "plain")

#: Where the context of a command remembers that its table is to be plain on a terminal too.
_PLAIN = "tradewind.plain"

_STYLES = {
    "success": "green",
    "failed": "red",
    "upstream_failed": "dark_orange",
    "running": "bright_green",
    "queued": "cyan",
    "scheduled": "blue",
    "up_for_retry": "yellow",
    "up_for_reschedule": "yellow",
    "skipped": "magenta",
}

#: On a terminal a column is never broken up to this width if it has no spaces (ids, states, moments); texts need less.
UNBROKEN, TEXT = 42, 24  # characters

#: Words that YAML reads as something else than text, and characters that text may start with unquoted.
_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", ""})
_YAML_PLAIN = re.compile(r"[A-Za-z_/][\w/.@+*() -]*(?<! )\Z")

#: What YAML takes for an end of line, or does not allow, and JSON does.
_YAML_SPECIAL = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def output_option(command: F) -> F:
    """Adds `-o/--output`; the command gets it as `output`."""
    option = click.option(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        callback=_note_plain,
        help="Table for people, JSON or YAML for programs, plain columns for grep and awk.",
    )
    return option(command)


def _note_plain(ctx: click.Context, param: click.Parameter, output: str) -> str:
    """A plain table is the table, drawn otherwise."""
    if output != "plain":
        return output
    ctx.meta[_PLAIN] = True
    return "table"


def show_rows(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    output: str,
    *,
    empty: str = "",
    spare: Sequence[str] = (),
) -> None:
    """Print rows. `empty` is said, on stderr, in place of a table without rows.

    `spare` are columns that a terminal does without if it is too narrow, the first to go first.
    """
    if output != "table":
        print_data([{name: row.get(name) for name in columns} for row in rows], output)
    elif not rows:
        click.echo(empty or "Nothing to show.", err=True)
    elif sys.stdout.isatty() and not _is_plain():
        _rich_table(rows, columns, spare)
    else:
        click.echo(plain_table(rows, columns))


def _is_plain() -> bool:
    ctx = click.get_current_context(silent=True)
    return ctx is not None and _PLAIN in ctx.meta


def show_record(record: Mapping[str, Any], output: str) -> None:
    """Print one thing: a line per field, or one JSON or YAML mapping."""
    if output != "table":
        print_data(record, output)
        return
    width = max(map(len, record), default=0)
    for name, value in record.items():
        lines = cell(value).splitlines() or [""]
        click.echo(f"{name:<{width}}  {lines[0]}".rstrip())
        for line in lines[1:]:
            click.echo(" " * (width + 2) + line)


def print_data(data: Any, output: str) -> None:
    """Print plain data as JSON or YAML."""
    plain = to_plain(data)
    click.echo(json.dumps(plain, indent=2, ensure_ascii=False) if output == "json" else to_yaml(plain))


def to_plain(value: Any) -> Any:
    """The value in the words of JSON: moments as ISO text, durations as seconds, enums as their value."""
    if isinstance(value, enum.Enum):
        return to_plain(value.value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (datetime.datetime, datetime.date)):
        return moment(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    return str(value)


def moment(value: datetime.date | None) -> str:
    """ISO text; UTC as `Z`, which is short and what most tools write."""
    return "" if value is None else value.isoformat().replace("+00:00", "Z")


def cell(value: Any) -> str:
    """How a value is shown in a table."""
    if isinstance(value, datetime.datetime):
        return moment(value.replace(microsecond=0))
    plain = to_plain(value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    if isinstance(plain, (list, dict)):
        simple = isinstance(plain, list) and all(isinstance(item, str) for item in plain)
        return ", ".join(plain) if simple else json.dumps(plain, ensure_ascii=False)
    return str(plain)


def plain_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Columns separated by at least two spaces; line ends inside a value become spaces."""
    lines = [list(columns), *([" ".join(cell(row.get(name)).split()) for name in columns] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    return "\n".join("  ".join(f"{text:<{width}}" for text, width in zip(line, widths)).rstrip() for line in lines)


def to_yaml(value: Any, indent: int = 0) -> str:
    """Plain data as YAML 1.2 block style."""
    margin = " " * indent
    if isinstance(value, dict) and value:
        return "\n".join(f"{margin}{_yaml_scalar(key)}:{_yaml_nested(item, indent)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "\n".join(f"{margin}- {to_yaml(item, indent + 2).lstrip()}" for item in value)
    return margin + _yaml_scalar(value)


def _yaml_nested(item: Any, indent: int) -> str:
    if isinstance(item, (dict, list)) and item:
        return "\n" + to_yaml(item, indent + 2)
    return " " + _yaml_scalar(item)


def _yaml_scalar(value: Any) -> str:
    if isinstance(value, str) and _YAML_PLAIN.match(value) and value.lower() not in _YAML_WORDS:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _YAML_SPECIAL.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)


def _rich_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], spare: Sequence[str]) -> None:
    """Draw a table: without columns that are empty in every row, nor, where it is too wide, with spare ones."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    cells = {name: [cell(row.get(name)) for row in rows] for name in columns}
    widths = {name: _needed(name, texts) for name, texts in cells.items() if any(texts)}
    left_out = _left_out(widths, spare, console.width)
    table = Table(*(), box=box.SIMPLE_HEAD, pad_edge=False)
    for name in widths:
        table.add_column(name, overflow="fold", no_wrap=_is_unbroken(cells[name]) and _total(widths) <= console.width)
    for at in range(len(rows)):
        texts = [cells[name][at] for name in widths]
        table.add_row(*(Text(text, style=_STYLES.get(text, "")) for text in texts))
    console.print(table)
    if left_out:
        click.secho(f"Left out: {', '.join(left_out)} (-o json shows all).", dim=True, err=True)


def _needed(name: str, texts: Sequence[str]) -> int:
    """How wide a column must be: as wide as its longest cell, unless that is a text to be wrapped."""
    longest = max(map(len, texts))
    return max(len(name), longest if _is_unbroken(texts) else min(longest, TEXT))


def _is_unbroken(texts: Sequence[str]) -> bool:
    return max(map(len, texts)) <= UNBROKEN and not any(" " in text for text in texts)


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + 3 * (len(widths) - 1) + 2  # what stands between the columns, and at the edges


def _left_out(widths: dict[str, int], spare: Sequence[str], room: int) -> list[str]:
    """Take columns out of `widths` until the others fit; their names."""
    gone = []
    for name in spare:
        if name in widths and _total(widths) > room:
            del widths[name]
            gone.append(name)
    return gone
