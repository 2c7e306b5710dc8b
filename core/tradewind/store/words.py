"""Errors for things that are not there, with the nearest name that is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tradewind.errors import NotFound


def not_found(what: str, name: str, known: Iterable[str], hint: str) -> NotFound:
    """`what` is "DAG", "pool" and the like; `hint` says what to do when no name comes close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return NotFound(f"There is no {what} {name!r}; " + (f"did you mean {close[0]!r}?" if close else f"{hint}."))
