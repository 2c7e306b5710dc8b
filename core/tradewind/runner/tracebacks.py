"""Errors as they are shown in the log of an attempt: with the frames of the user's code, without ours."""

from __future__ import annotations

import traceback
from pathlib import Path

import tradewind
from tradewind.secrets import redact

#: Longest reason kept in the metadata database, in characters; the log has all of it.
LONGEST_REASON = 500

_OURS = str(Path(tradewind.__file__).parent)


def format_error(error: BaseException) -> str:
    """The traceback of an error and of its causes, without tradewind's own frames where there are others."""
    try:
        shown = traceback.TracebackException.from_exception(error, compact=True)
        _leave_out_ours(shown, set())
        return "".join(shown.format()).rstrip("\n")
    except Exception:  # no memory left, or an error that cannot be shown
        return describe(error)


def describe(error: BaseException) -> str:
    """An error in one line, masked: its kind and its message."""
    try:
        told = str(error)
    except Exception:
        told = "(its message cannot be shown)"
    line = " ".join(told.split())
    text = f"{type(error).__name__}: {line}" if line else type(error).__name__
    text = redact(text)
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."


def _leave_out_ours(shown: traceback.TracebackException, seen: set[int]) -> None:
    if id(shown) in seen:
        return
    seen.add(id(shown))
    kept = [frame for frame in shown.stack if not frame.filename.startswith(_OURS)]
    if kept:
        shown.stack[:] = kept
    for other in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if other is not None:
            _leave_out_ours(other, seen)
