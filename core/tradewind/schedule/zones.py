"""Time zones by name, with a helpful answer to a wrong one."""

from __future__ import annotations

import difflib
import zoneinfo

from tradewind.errors import ScheduleError, SettingError, sentence


def get_zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone called `name`. Raises ScheduleError, offering the nearest name."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise ScheduleError(f"there is no time zone {name!r}; {_hint(str(name))}") from error


def default_zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of the setting `default_timezone`. Raises SettingError, so that no DAG file is blamed for it."""
    try:
        return get_zone(name)
    except ScheduleError as error:
        raise SettingError(f"The setting default_timezone: {sentence(error)}") from error


def _hint(name: str) -> str:
    known = zoneinfo.available_timezones()
    if not known:
        return "this machine has no time zone data: install the package tzdata"
    folded = {zone.casefold(): zone for zone in sorted(known)}
    wanted = name.strip().casefold().replace(" ", "_")
    by_city = {zone.rpartition("/")[2]: zone for zone in folded}
    for names in (folded, {city: folded[zone] for city, zone in by_city.items()}):
        close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.75)
        if close:
            return f"did you mean {names[close[0]]!r}?"
    return "names look like 'UTC' or 'Europe/Berlin'"
