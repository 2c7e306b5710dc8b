"""Writes files that hold secrets, in the form that their name asks for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

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
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
