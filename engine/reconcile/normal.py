"""One normal form for every value on either side: text or nothing, so that equal means equal.

Times are ISO texts, codes are the model's words, teeth and views have names of their own. A value that cannot be
read becomes a text that no other value has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

Facts = Mapping[str, str | None]

_PLACES = {"second": 0, "decisecond": 1, "centisecond": 2, "millisecond": 3, "microsecond": 6}
_MINUTE = timedelta(minutes=1)


def text_of(value: Any) -> str | None:
    """A text as it is; an empty one says as much as none."""
    return str(value) if value not in (None, "") else None


def number_of(value: Any) -> str | None:
    """A whole number's digits."""
    return None if value is None else str(int(value))


def moment_of(value: Any, zone: tzinfo | None = None) -> datetime | None:
    """A time of the practice's clock from a driver's datetime, date or ISO text.

    A moment of the world is what clocks in `zone` show at it. Raises ValueError, also for such a one without a zone.
    """
    if value in (None, ""):
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        return value if value.tzinfo is None else _shown(value, zone)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the practice's own clock


def _shown(moment: datetime, zone: tzinfo | None) -> datetime:
    if zone is None:
        raise ValueError("a moment of the world, and no zone is stated")
    return moment.astimezone(zone).replace(tzinfo=None)


def kept(moment: datetime | None, precision: str) -> str | None:
    """What a column of this precision, as a profile words it, keeps of a time, as ISO text. Raises ValueError."""
    if moment is None:
        return None
    if precision == "day":
        return moment.date().isoformat()
    try:
        return _cut(moment, precision).isoformat()
    except OverflowError as problem:
        raise ValueError("beyond the last day") from problem


def _cut(moment: datetime, precision: str) -> datetime:
    match precision:
        case "minute":
            return moment.replace(second=0, microsecond=0)
        case "datetime":
            return _of_server(moment)
        case "smalldatetime":  # from half a minute on it is the next one; the server has rounded to its ticks before
            whole, past = moment.replace(second=0, microsecond=0), _of_server(moment)
            return whole + _MINUTE * ((past - whole) * 2 // _MINUTE > 0)
    digits = f"{moment.microsecond:06}"[: _PLACES[precision]]
    return moment.replace(microsecond=int(digits.ljust(6, "0")))


def _of_server(moment: datetime) -> datetime:
    """SQL Server's datetime: hundredths of a second, and of each hundredth .000, .003 or .007, whichever is nearest."""
    hundredths, rest = divmod(moment.microsecond, 10_000)
    thirds = (rest * 6 + 10_000) // 20_000  # 0 to 3 thirds of a hundredth, half up
    milliseconds = hundredths * 10 + (0, 3, 7, 10)[thirds]
    return moment.replace(microsecond=0) + timedelta(milliseconds=milliseconds)


def found(moment: datetime | None, precision: str) -> str | None:
    """A time that stands in a column of this precision: all of it, so that what it should not hold shows."""
    if moment is None:
        return None
    is_day = precision == "day" and moment.time() == datetime.min.time()
    return (moment.date() if is_day else moment).isoformat()


def hex_of(value: Any) -> str | None:
    """A hash kept as bytes or as hexadecimal text, in lower case."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    text = text_of(value)
    return text.lower() if text else None


def unreadable(value: Any) -> str:
    """Stands for a value that its profile gives no meaning; equal to nothing that has one."""
    return f"unreadable: {value!r}"
