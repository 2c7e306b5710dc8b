"""The name of the time zone that a DAG's dates are in."""

from __future__ import annotations

import datetime


def zone_name(zone: datetime.tzinfo) -> str | None:
    """IANA name of a zone made by zoneinfo, pendulum, pytz or dateutil, or of a fixed offset; None if it has none."""
    for attribute in ("key", "zone", "name"):
        name = getattr(zone, attribute, None)
        if isinstance(name, str):
            return name
    offset = zone.utcoffset(None)
    if offset is None:
        return None
    hours, rest = divmod(offset, datetime.timedelta(hours=1))
    if rest:
        return None
    # The sign of these names is that of POSIX: Etc/GMT-2 is two hours east of Greenwich.
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"
