"""Writes files that hold secrets, in the form that their name asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tradewind import atomic
from tradewind.errors import UsageError


def form_of(file: str, forms: Sequence[str]) -> str:
    """The form that the ending of a file's name stands for; the first one for standard output."""
    if file == "-":
        return forms[0]
    ending = (Path(file).suffix or Path(file).name).lstrip(".").lower()
    ending = "yaml" if ending == "yml" else ending
    if ending not in forms:
        raise UsageError(f"{file} does not end in {', '.join('.' + form for form in forms)}: say --format.")
    return ending


def export(file: str, text: str, told: str) -> None:
    """Write to standard output for `-`, or to a file that only its owner can read, and tell that."""
    if file == "-":
        click.echo(text, nl=False)
    else:
        write_private(Path(file), text)
        click.echo(told)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, or leave what was there."""
    try:
        atomic.write(path, text.encode(), private=True, durable=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
