"""A source's days and times, read by own code in the forms that its profile states."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from engine.profiles.values import ValueRules
from engine.reconcile.normal import moment_of

_SINCE_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE_1601 = datetime(1601, 1, 1, tzinfo=UTC)


class SourceClock:
    """Brings what stands in a source's column to the practice's clock."""

    def __init__(self, rules: ValueRules) -> None:
        self._forms, self._zone = rules.dates, ZoneInfo(rules.time_zone) if rules.time_zone else None

    def moment(self, column: str, value: Any) -> datetime | None:
        """The local time that a driver's value stands for. Raises ValueError where no stated form fits."""
        if value is None or isinstance(value, datetime):
            return self._at_home(value)
        if isinstance(value, str | int | float | Decimal):
            text = format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value).strip()
            return self._at_home(self._read(column, text)) if text else None
        return moment_of(value)

    def _at_home(self, found: datetime | None) -> datetime | None:
        if found is None or found.tzinfo is None:
            return found
        if self._zone is None:
            raise ValueError("an instant, and the profile states no time zone")
        return found.astimezone(self._zone).replace(tzinfo=None)

    def _read(self, column: str, text: str) -> datetime:
        for form in self._forms.get(column, ("iso",)):
            try:
                return _READERS[form](text)
            except (ValueError, InvalidOperation, OverflowError):
                continue
        raise ValueError("in none of the stated forms")


def _iso(text: str) -> datetime:
    if not re.fullmatch(r"[\d-]{10}([ T][\d:.]+ ?(Z|[+-][\d:]+)?)?", text):
        raise ValueError("not ISO")
    return datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))


def _dicom(text: str) -> datetime:
    offset = re.search(r"[+-]\d{4}$", text)
    digits = (text[: offset.start()] if offset else text).replace(" ", "").replace("T", "")
    whole, _, fraction = digits.partition(".")
    if not re.fullmatch(r"\d{8}(\d\d){0,3}", whole) or (fraction and len(whole) != 14):
        raise ValueError("not DICOM")
    found = datetime.strptime(whole.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - the practice's own clock
    found += timedelta(microseconds=int(fraction.ljust(6, "0")) if fraction else 0)
    return found.replace(tzinfo=datetime.strptime(offset[0], "%z").tzinfo) if offset else found


def _slashed(order: str) -> Callable[[str], datetime]:
    """`order` is "%d/%m/%Y" or "%m/%d/%Y"; dots and dashes stand for slashes."""

    def read(text: str) -> datetime:
        day, _, clock = text.partition(" ")
        found = datetime.strptime(re.sub(r"[.-]", "/", day), order)  # noqa: DTZ007 - the practice's own clock
        return found if not clock else datetime.combine(found, _clock(clock).time())

    return read


def _clock(text: str) -> datetime:
    hours = "%I" if text[-1:] in "mM" else "%H"
    half = " %p" if hours == "%I" else ""
    for form in (f"{hours}:%M{half}", f"{hours}:%M:%S{half}", f"{hours}:%M:%S.%f{half}"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the practice's own clock
        except ValueError:
            continue
    raise ValueError("no time of the day")


def _counted(start: datetime, microseconds: Decimal) -> Callable[[str], datetime]:
    """A count since `start` in steps of so many microseconds; what is finer than one is cut."""
    return lambda text: start + timedelta(microseconds=int(Decimal(text) * microseconds))


_READERS: Mapping[str, Callable[[str], datetime]] = {
    "iso": _iso,
    "dicom": _dicom,
    "day-month-year": _slashed("%d/%m/%Y"),
    "month-day-year": _slashed("%m/%d/%Y"),
    "epoch-seconds": _counted(_SINCE_1970, Decimal(1_000_000)),
    "epoch-milliseconds": _counted(_SINCE_1970, Decimal(1_000)),
    "filetime": _counted(_SINCE_1601, Decimal("0.1")),
}
