"""Ways in which files keep a time: a number of units since a first day, always in the practice's local time.

Sources: MS-DTYP 2.3.3 (FILETIME), POSIX 4.16 (seconds since the epoch), MS-DOS directory entry (FAT), OLE Automation
DATE (days since 1899-12-30).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

_SECOND: Final = timedelta(seconds=1)
_UNIX: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the practice's local time, as its systems keep it
_FILETIME: Final = datetime(1601, 1, 1)  # noqa: DTZ001
_OLE: Final = datetime(1899, 12, 30)  # noqa: DTZ001
_TICKS: Final = 10  # filetime ticks of a microsecond
_FIRST_DOS_YEAR, _LAST_DOS_YEAR = 1980, 2107
_DAY_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class Clock:
    """One way: the number a time is kept as, and the time a number stands for."""

    number: Callable[[datetime], int | float]
    time: Callable[[Any], datetime]

    def kept(self, when: object) -> int | float:
        """The number for a datetime or date; 0 for None. Raises ValueError, OverflowError or TypeError."""
        return 0 if when is None else self.number(_local(when))

    def moment(self, number: object) -> datetime | None:
        """The time; None for 0, and for numbers beyond the calendar."""
        if not number or not isinstance(number, int | float):
            return None
        try:
            return self.time(number)
        except (ValueError, OverflowError):
            return None


def filetime(when: datetime | None) -> int:
    """Ticks of 100 ns since 1601-01-01 of the same local time that `when` is in; 0 for unknown."""
    return int(CLOCKS["filetime"].kept(when))


def digits_of(value: object, digits: int) -> int:
    """A time as the digits of its parts: YYYYMMDD in 8, YYYYMMDDhhmmss in 14; 0 for None. Raises TypeError."""
    if value is None:
        return 0
    when = _local(value)
    day = (when.year * 100 + when.month) * 100 + when.day
    return day if digits == _DAY_DIGITS else ((day * 100 + when.hour) * 100 + when.minute) * 100 + when.second


def _local(when: object) -> datetime:
    if isinstance(when, datetime):
        return when.replace(tzinfo=None)
    if isinstance(when, date):
        return datetime(when.year, when.month, when.day)  # noqa: DTZ001
    raise TypeError("a time is a datetime or a date")


def _to_dos(when: datetime) -> int:
    if not _FIRST_DOS_YEAR <= when.year <= _LAST_DOS_YEAR:
        raise ValueError("no year of a DOS date")
    day = (when.year - _FIRST_DOS_YEAR) << 9 | when.month << 5 | when.day
    return day << 16 | when.hour << 11 | when.minute << 5 | when.second // 2


def _from_dos(number: int) -> datetime:
    day, time = number >> 16, number & 0xFFFF
    parts = (_FIRST_DOS_YEAR + (day >> 9), day >> 5 & 15, day & 31)
    return datetime(*parts, time >> 11, time >> 5 & 63, (time & 31) * 2)  # noqa: DTZ001


def _to_ole(when: datetime) -> float:
    """Whole days before the point, the time of day behind it, also before the first day."""
    days, time = divmod(when - _OLE, timedelta(days=1))
    fraction = time / timedelta(days=1)
    return days + fraction if days >= 0 else days - fraction


def _from_ole(number: float) -> datetime:
    fraction, days = math.modf(number)
    time = timedelta(microseconds=round(abs(fraction) * 86_400_000_000))
    return _OLE + timedelta(days=days) + time


CLOCKS: Final[Mapping[str, Clock]] = {
    "filetime": Clock(
        lambda when: (when - _FILETIME) // timedelta(microseconds=1) * _TICKS,
        lambda ticks: _FILETIME + timedelta(microseconds=ticks // _TICKS),
    ),
    "unix32": Clock(lambda when: (when - _UNIX) // _SECOND, lambda number: _UNIX + number * _SECOND),
    "unix64": Clock(lambda when: (when - _UNIX) // _SECOND, lambda number: _UNIX + number * _SECOND),
    "unix-ms": Clock(
        lambda when: (when - _UNIX) // timedelta(milliseconds=1),
        lambda number: _UNIX + timedelta(milliseconds=number),
    ),
    "dos": Clock(_to_dos, _from_dos),
    "ole": Clock(_to_ole, _from_ole),
}
