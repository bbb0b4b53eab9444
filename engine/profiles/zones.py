"""The name of a time zone in a profile."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from engine.toml.document import Table
from engine.toml.suggest import allowed, closest

_SHOWN: Final = ("Europe/Oslo", "America/New_York", "UTC", "...")


def read_zone(table: Table, key: str) -> str:
    """The zone at `key`. Raises UsageProblem with file and line."""
    name = table.filled_text(key)
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as problem:
        near = closest(name, sorted(available_timezones()))
        what = f"{table.dotted(key)} is {name!r}, which is no time zone{near}; {allowed(_SHOWN)}"
        raise table.problem(key, what) from problem
    return name
