"""Reads the values that DAGs and operators are given: ids, durations, moments, callbacks.

Each function takes what Airflow users write there and returns one form, or raises ValueError saying what is wrong;
the caller adds the name of the DAG, task and argument.
"""

from __future__ import annotations

import datetime
import difflib
import numbers
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from tradewind.errors import DagError
from tradewind.states import TriggerRule, WeightRule

#: Longest id of a DAG, task or group.
MAX_ID_LENGTH = 250

_ID = re.compile(r"[\w.-]+")
_GROUP_ID = re.compile(r"[\w-]+")

#: Names that older Airflow gave to trigger rules.
_OLD_TRIGGER_RULES = {
    "dummy": TriggerRule.ALWAYS,
    "none_failed_or_skipped": TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
}


def check_id(kind: str, value: Any) -> str:
    """`value` if it can name a "DAG", "task" or "task group"; raises DagError otherwise."""
    if not isinstance(value, str):
        raise DagError(f"The id of a {kind} must be text, not {type(value).__name__} ({value!r}).")
    if not value or len(value) > MAX_ID_LENGTH:
        shown = f"{value[:40]}..." if value else value
        raise DagError(
            f"The {kind} id {shown!r} has {len(value)} characters; it must have between 1 and {MAX_ID_LENGTH}."
        )
    pattern, allowed = (_GROUP_ID, "_ and -") if kind == "task group" else (_ID, "_ - and .")
    if not pattern.fullmatch(value):
        bad = sorted({letter for letter in value if not pattern.fullmatch(letter)})
        shown = " ".join(repr(letter) for letter in bad)
        raise DagError(f"The {kind} id {value!r} contains {shown}; only letters, digits, {allowed} are allowed.")
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """Ends an error message: the known name closest to `name`, or all of them if they are few."""
    choices = sorted(str(choice) for choice in known)
    close = difflib.get_close_matches(name, choices, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(choices)}." if len(choices) <= 20 else "."


def duration(value: Any) -> datetime.timedelta:
    """A timedelta, or a number of seconds."""
    if isinstance(value, datetime.timedelta):
        found = value
    elif isinstance(value, numbers.Real) and value is not True and value is not False:
        found = datetime.timedelta(seconds=float(value))
    else:
        raise ValueError(f"a timedelta or a number of seconds is wanted, not {value!r}")
    if found < datetime.timedelta(0):
        raise ValueError(f"it cannot be negative ({value!r})")
    return found


def seconds(value: Any) -> float:
    return duration(value).total_seconds()


def moment(value: Any, zone: Callable[[], datetime.tzinfo]) -> datetime.datetime:
    """An aware datetime out of a datetime, date or ISO text; naive ones are in `zone`, which is asked only then."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a date in ISO form, such as 2024-01-31 or 2024-01-31T06:00") from None
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime.datetime):
        raise ValueError(f"a datetime, a date or ISO text is wanted, not {value!r}")
    return value if value.tzinfo is not None else value.replace(tzinfo=zone())


def as_utc(value: datetime.datetime | None) -> datetime.datetime | None:
    return None if value is None else value.astimezone(datetime.UTC)


def callbacks(value: Any) -> list[Callable[..., Any]]:
    """One callable, or several, as a list."""
    found = list(value) if isinstance(value, (list, tuple, set)) else [value]
    for item in found:
        if not callable(item):
            raise ValueError(f"a callable or a list of callables is wanted, not {item!r}")
    return found


def trigger_rule(value: Any) -> TriggerRule:
    if value in _OLD_TRIGGER_RULES:
        return _OLD_TRIGGER_RULES[value]
    try:
        return TriggerRule(value)
    except ValueError:
        hint = nearest(str(value), TriggerRule)
        raise ValueError(f"there is no trigger rule {str(value)!r}{hint}") from None


def weight_rule(value: Any) -> WeightRule | Callable[[Any], int]:
    """One of the three rules, or a strategy of one's own: a function, or an object with `get_weight`."""
    own = getattr(value, "get_weight", value)
    if callable(own) and not isinstance(value, (str, type)):
        return cast(Callable[[Any], int], own)
    try:
        return WeightRule(value)
    except ValueError:
        hint = nearest(str(value), WeightRule)
        raise ValueError(f"there is no weight rule {str(value)!r}{hint}") from None


def retry_policy(value: Any) -> Any:
    if not callable(getattr(value, "evaluate", None)) or isinstance(value, type):
        raise ValueError(f"a RetryPolicy is wanted, such as ExceptionRetryPolicy([...]), not {value!r}")
    return value


def whole_number(low: int) -> Callable[[Any], int]:
    """A reader of whole numbers that are at least `low`."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError(f"a whole number is wanted, not {value!r}")
        number = int(value)
        if number < low:
            raise ValueError(f"the least is {low}, not {number}")
        return number

    return read


def backoff(value: Any) -> float:
    """Factor between retry delays: a number, or True for doubling."""
    if isinstance(value, bool):
        return 2.0 if value else 0.0
    if not isinstance(value, numbers.Real) or float(value) < 0:
        raise ValueError(f"true, false or a factor is wanted, not {value!r}")
    return float(value)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"text is wanted, not {value!r}")
    return value


def names(value: Any) -> list[str]:
    """A list of words out of one word or several."""
    if isinstance(value, str):
        return [value]
    found = list(value)
    if not all(isinstance(item, str) for item in found):
        raise ValueError(f"text or a list of texts is wanted, not {value!r}")
    return found
