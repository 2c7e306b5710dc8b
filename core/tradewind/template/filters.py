"""Jinja filters that every template has: `{{ logical_date | ds }}`."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any


def ds(value: datetime.date | None) -> str | None:
    """2025-11-21"""
    return None if value is None else value.strftime("%Y-%m-%d")


def ds_nodash(value: datetime.date | None) -> str | None:
    """20251121"""
    return None if value is None else value.strftime("%Y%m%d")


def ts(value: datetime.date | None) -> str | None:
    """2025-11-21T06:30:00+00:00"""
    return None if value is None else value.isoformat()


def ts_nodash(value: datetime.date | None) -> str | None:
    """20251121T063000"""
    return None if value is None else value.strftime("%Y%m%dT%H%M%S")


def ts_nodash_with_tz(value: datetime.date | None) -> str | None:
    """20251121T063000+0000"""
    if value is None:
        return None
    fraction = ".%f" if getattr(value, "microsecond", 0) else ""
    return value.strftime(f"%Y%m%dT%H%M%S{fraction}%z")


FILTERS: dict[str, Callable[..., Any]] = {
    "ds": ds,
    "ds_nodash": ds_nodash,
    "ts": ts,
    "ts_nodash": ts_nodash,
    "ts_nodash_with_tz": ts_nodash_with_tz,
}
