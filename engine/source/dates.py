"""Days and times as a source writes them, read in exactly the forms that its profile states."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.profiles.values import ValueRules
from engine.source.spoken import kind_of

_CLOCK: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
_OFFSET: Final = r"(?P<offset>Z|[+-]\d\d:?\d\d)?"
_ISO: Final = re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)(?:[ T](?=\d\d:){_CLOCK} ?{_OFFSET})?")
_DICOM: Final = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:[ T]?(?P<hour>\d\d)(?:(?P<minute>\d\d)(?:(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?)?" + _OFFSET + r")?"
)
_HALF: Final = r"(?: (?P<half>[AaPp][Mm]))?"
_DAY_FIRST: Final = re.compile(
    rf"(?P<day>\d{{1,2}})(?P<mark>[./-])(?P<month>\d{{1,2}})(?P=mark)(?P<year>\d{{4}})(?: {_CLOCK}{_HALF})?"
)
_MONTH_FIRST: Final = re.compile(
    rf"(?P<month>\d{{1,2}})(?P<mark>[./-])(?P<day>\d{{1,2}})(?P=mark)(?P<year>\d{{4}})(?: {_CLOCK}{_HALF})?"
)
_NUMBER: Final = re.compile(r"-?\d{1,20}(\.\d{1,9})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FILETIME: Final = datetime(1601, 1, 1, tzinfo=UTC)


class NotADate(ValueError):
    """The value is no day or time in any of the stated forms; the message says why, without the value."""


class Dates:
    """Reads what a driver gives for a column that holds a day or a time."""

    def __init__(self, rules: ValueRules) -> None:
        self._forms = rules.dates
        self._zone = ZoneInfo(rules.time_zone) if rules.time_zone else None

    def moment(self, column: str, value: Any) -> datetime | None:
        """The practice's local time; None where the source holds none. Raises NotADate."""
        if isinstance(value, datetime):
            return self._local(value)
        if isinstance(value, date):
            return datetime.combine(value, time.min)
        text = _written(value)
        return None if text is None else self._read(self._forms.get(column, ("iso",)), text)

    def _read(self, forms: tuple[str, ...], text: str) -> datetime:
        for form in forms:
            found = _FORMS[form](text)
            if found is not None:
                return self._local(found)
        raise NotADate(f"not a date in the form {' or '.join(forms)}")

    def _local(self, found: datetime) -> datetime:
        """Which zone an instant is local to only the profile can say."""
        if found.tzinfo is None:
            return found
        if self._zone is None:
            raise NotADate("has a time zone; the profile must state values.time_zone, or say AT TIME ZONE")
        try:
            return found.astimezone(self._zone).replace(tzinfo=None)
        except OverflowError as problem:
            raise NotADate("no day of the calendar") from problem


def _written(value: Any) -> str | None:
    """A text, or a number's digits; None for nothing."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return format(value, "f") if not isinstance(value, int) else str(value)
    raise NotADate(f"no date but {kind_of(value)}")


def _calendar(pattern: re.Pattern[str]) -> Callable[[str], datetime | None]:
    def read(text: str) -> datetime | None:
        match = pattern.fullmatch(text)
        return None if match is None else _of_parts(match.groupdict())

    return read


def _of_parts(parts: Mapping[str, str | None]) -> datetime:
    fraction = (parts.get("fraction") or "").ljust(6, "0")
    if fraction[6:].strip("0"):
        raise NotADate("finer than a microsecond")
    year, month, day, minute, second = (int(parts[name] or 0) for name in ("year", "month", "day", "minute", "second"))
    try:
        return datetime(year, month, day, _hour(parts), minute, second, int(fraction[:6]), _zone(parts.get("offset")))
    except ValueError as problem:
        raise NotADate("no day of the calendar, or no time of the day") from problem


def _hour(parts: Mapping[str, str | None]) -> int:
    hour, half = int(parts["hour"] or 0), (parts.get("half") or "").lower()
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no hour of half a day")
    return hour % 12 + 12 * (half == "pm")


def _zone(offset: str | None) -> timezone | None:
    if not offset:
        return None
    if offset == "Z":
        return UTC
    sign = -1 if offset[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:])))


def _instant(start: datetime, units: int) -> Callable[[str], datetime | None]:
    """Reads a number of units since `start`; `units` of them are a second."""

    def read(text: str) -> datetime | None:
        if _NUMBER.fullmatch(text) is None:
            return None
        microseconds = Decimal(text) * 1_000_000 / units
        if microseconds != microseconds.to_integral_value() and units <= 1_000_000:
            raise NotADate("finer than a microsecond")
        try:
            return start + timedelta(microseconds=int(microseconds))
        except OverflowError as problem:
            raise NotADate("no day of the calendar") from problem

    return read


_FORMS: Final[Mapping[str, Callable[[str], datetime | None]]] = {
    "iso": _calendar(_ISO),
    "dicom": _calendar(_DICOM),
    "day-month-year": _calendar(_DAY_FIRST),
    "month-day-year": _calendar(_MONTH_FIRST),
    "epoch-seconds": _instant(_EPOCH, 1),
    "epoch-milliseconds": _instant(_EPOCH, 1_000),
    "filetime": _instant(_FILETIME, 10_000_000),
}
