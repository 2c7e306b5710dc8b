"""Errors for things that are not there, with the nearest name that is."""

from __future__ import annotations

from collections.abc import Iterable

from tradewind.errors import NotFound, nearest


def not_found(what: str, name: str, known: Iterable[str], hint: str) -> NotFound:
    """`what` is "DAG", "pool" and the like; `hint` says what to do when no name comes close."""
    return NotFound(f"There is no {what} {name!r}; {nearest(name, known, f'{hint}.')}")
