"""Errors as they are shown in the log of an attempt: with the frames of the user's code, without ours."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import tradewind
from tradewind.errors import TradewindError
from tradewind.secrets import redact

#: Longest reason kept in the metadata database, in characters; the log has all of it.
LONGEST_REASON = 500

_OURS = str(Path(tradewind.__file__).parent) + os.sep


def format_error(error: BaseException) -> str:
    """The traceback of an error and of its causes, without tradewind's own frames where there are others."""
    try:
        shown = traceback.TracebackException.from_exception(error, compact=True)
        _leave_out_ours(shown, error, set())
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
    if isinstance(error, ModuleNotFoundError):
        from tradewind.plugins import about_missing_module

        line += about_missing_module(error)
    text = f"{type(error).__name__}: {line}" if line else type(error).__name__
    text = redact(text)
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."


def _leave_out_ours(shown: traceback.TracebackException, error: BaseException, seen: set[int]) -> None:
    if id(shown) in seen:
        return
    seen.add(id(shown))
    # What these say is enough, without the way through libraries.
    ours = isinstance(error, (TradewindError, KeyboardInterrupt))
    kept = [frame for frame in shown.stack if not frame.filename.startswith(_OURS)]
    if ours:
        kept = _as_far_as_own_code(kept)
    if kept:
        shown.stack[:] = kept
    elif ours:
        shown.stack = None  # type: ignore[assignment]  # as it is for an error that was never raised
    pairs = [(shown.__cause__, error.__cause__), (shown.__context__, error.__context__)]
    if shown.exceptions and isinstance(error, BaseExceptionGroup):
        pairs += zip(shown.exceptions, error.exceptions)
    for other, its_error in pairs:
        if other is not None and its_error is not None:
            _leave_out_ours(other, its_error, seen)


def _as_far_as_own_code(frames: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """Without what comes after the last frame of the user's own code: installed providers, and Python's library."""
    from tradewind.parser.failure import is_foreign

    own = [at for at, frame in enumerate(frames) if not is_foreign(frame.filename)]
    return frames[: own[-1] + 1] if own else []
