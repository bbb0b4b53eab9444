"""How SQL Server stores a time in a column that cannot hold all of it. Pure; what was stored once stays as it is.

Facts: learn.microsoft.com, "datetime (Transact-SQL)" (rounded to .000, .003 or .007 seconds), "smalldatetime" (29.998
seconds and less round down, 29.999 and more round up), "datetime2" (n digits, rounded).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

_TICKS: Final = 300  # datetime counts in 1/300 s
_SECOND: Final = 1_000_000  # microseconds


def as_datetime(moment: datetime) -> datetime:
    """`moment` as a `datetime` column gives it back: the nearest 1/300 s, shown in milliseconds.

    Raises OverflowError where rounding leaves the calendar.
    """
    ticks = (moment.microsecond * _TICKS + _SECOND // 2) // _SECOND
    milliseconds = (ticks * 10 + 1) // 3
    return moment.replace(microsecond=0) + timedelta(milliseconds=milliseconds)


def as_smalldatetime(moment: datetime) -> datetime:
    """`moment` as a `smalldatetime` column gives it back: the nearest minute, half up. Raises OverflowError."""
    stored = as_datetime(moment)
    minute = stored.replace(second=0, microsecond=0)
    return minute + timedelta(minutes=1) if stored.second >= 30 else minute


def as_datetime2(moment: datetime, digits: int = 7) -> datetime:
    """`moment` as `datetime2(digits)` gives it back, digits 0 to 7: rounded, half up. Raises OverflowError."""
    unit = 10 ** max(6 - digits, 0)
    rounded = (moment.microsecond + unit // 2) // unit * unit
    return moment.replace(microsecond=0) + timedelta(microseconds=rounded)


ROUNDED: Final[Mapping[str, Callable[[datetime], datetime]]] = MappingProxyType(
    {"datetime": as_datetime, "smalldatetime": as_smalldatetime}
)
"""The types that round by a rule of their own, by their name on the server."""
