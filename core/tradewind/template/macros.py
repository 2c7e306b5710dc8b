"""What templates find under `macros`: `{{ macros.ds_add(ds, 7) }}`.

The libraries among them are imported when a template first asks; python-dateutil, PyYAML and Babel are optional
(`pip install "tradewind[macros]"` brings the first two).
"""

from __future__ import annotations

import datetime as _datetime
import importlib
import random as _random
from datetime import datetime, timedelta
from typing import Any

from tradewind.errors import TemplateError

#: Name under `macros` -> modules to import (the first is what the template gets), and what to install.
_LIBRARIES: dict[str, tuple[tuple[str, ...], str]] = {
    "json": (("json",), ""),
    "time": (("time",), ""),
    "uuid": (("uuid",), ""),
    "dateutil": (
        ("dateutil", "dateutil.parser", "dateutil.relativedelta", "dateutil.rrule", "dateutil.tz"),
        "python-dateutil",
    ),
    "yaml": (("yaml",), "pyyaml"),
}

#: Seconds in each unit of `datetime_diff_for_humans`, largest first; a month is 30 days there, a year 365.
_SPANS = (
    ("year", 365 * 86_400),
    ("month", 30 * 86_400),
    ("week", 7 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
)


def ds_add(ds: str, days: int) -> str:
    """A day so many days later (earlier if negative): `ds_add("2025-01-01", 5)` is `"2025-01-06"`."""
    if not days:
        return str(ds)
    return (datetime.strptime(str(ds), "%Y-%m-%d") + timedelta(days=days)).strftime("%Y-%m-%d")


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """A date written another way: `ds_format("2025-01-01", "%Y-%m-%d", "%m-%d-%y")` is `"01-01-25"`."""
    return datetime.strptime(str(ds), input_format).strftime(output_format)


def ds_format_locale(ds: str, input_format: str, output_format: str, locale: str | None = None) -> str:
    """As `ds_format`, with Babel's patterns in the words of a language: `"EEEE dd MMMM yyyy"`, `locale="de"`."""
    babel = _imported("ds_format_locale", ("babel.dates", "babel"), "babel")
    default = importlib.import_module("babel").default_locale("LC_TIME") or "en_US"
    moment = datetime.strptime(str(ds), input_format)
    return str(babel.format_datetime(moment, format=output_format, locale=locale or default))


def datetime_diff_for_humans(dt: datetime, since: datetime | None = None) -> str:
    """How long ago, or how long until: "2 days ago", "in 3 hours"; with `since`: "2 days before", "3 hours after"."""
    other = since if since is not None else datetime.now(dt.tzinfo or _datetime.UTC)
    if (dt.tzinfo is None) != (other.tzinfo is None):
        dt, other = (moment if moment.tzinfo else moment.replace(tzinfo=_datetime.UTC) for moment in (dt, other))
    seconds = (dt - other).total_seconds()
    unit, size = next(((unit, size) for unit, size in _SPANS if abs(seconds) >= size), _SPANS[-1])
    count = int(abs(seconds) // size)
    span = f"{count} {unit}{'' if count == 1 else 's'}" if count else "a few seconds"
    if since is None:
        return f"in {span}" if seconds > 0 else f"{span} ago"
    return f"{span} {'after' if seconds > 0 else 'before'}"


def random() -> float:
    """A number from 0 up to, but not including, 1."""
    return _random.random()


def __getattr__(name: str) -> Any:
    if name in _LIBRARIES:
        modules, distribution = _LIBRARIES[name]
        return _imported(name, modules, distribution)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    own = ("datetime", "datetime_diff_for_humans", "ds_add", "ds_format", "ds_format_locale", "random", "timedelta")
    return sorted([*own, *_LIBRARIES])


def _imported(name: str, modules: tuple[str, ...], distribution: str) -> Any:
    try:
        first, *_ = [importlib.import_module(module) for module in modules]
    except ModuleNotFoundError as error:
        raise TemplateError(
            f"macros.{name} needs the package {distribution}, which is not installed: pip install {distribution}"
        ) from error
    return first
