"""What a target column can hold: text length and letters, days and precision of times. Nothing is cut silently."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from engine.profiles.limits import TextLimit, TimeLimit
from engine.profiles.schema import TargetProfile
from engine.target.notice import Notice
from engine.target.server_time import ROUNDED
from protocol.vocabulary import FindingCode

Note = Callable[[FindingCode, str], None]  # code, sentence

_CHART: Final = "patient.chart_number"
_KEPT_MICROSECONDS: Final = {
    "second": 1_000_000,
    "decisecond": 100_000,
    "centisecond": 10_000,
    "millisecond": 1_000,
    "microsecond": 1,
}
_UNITS: Final = {"characters": "characters", "utf-16": "UTF-16 units", "bytes": "bytes"}


def fitted(profile: TargetProfile, column: str, origin: str, value: object, note: Note) -> object:
    """`value` as `column` ("Table.Column") keeps it; everything it cannot keep is noted. `origin` is the expression."""
    if isinstance(value, str):
        limit = profile.text.get(column)
        return value if limit is None else _fitted_text(limit, origin, value, note)
    if isinstance(value, date) and (span := profile.time.get(column)):
        return _fitted_time(span, value, note)
    return value


def _fitted_text(limit: TextLimit, origin: str, text: str, note: Note) -> str | None:
    """The text without what the profile says that this column cannot tell apart."""
    kept = text.rstrip(" ") if limit.trailing_spaces == "lost" else text
    if not kept and limit.empty == "null":
        return None
    if not _representable(kept, limit.encoding):
        note(FindingCode.TEXT_NOT_REPRESENTABLE, f"holds letters that {limit.encoding} has no code for")
    elif (length := _length(kept, limit)) > limit.length:
        code = FindingCode.CHART_TOO_LONG if origin.strip() == _CHART else FindingCode.TEXT_TOO_LONG
        note(code, f"{length} {_UNITS[limit.unit]}, the column holds {limit.length}")
    return kept


def _representable(text: str, encoding: str) -> bool:
    """Whether the text comes back letter for letter; a server would write ? or a similar letter instead."""
    name = _codec(encoding)
    try:
        return "\0" not in text and text.encode(name).decode(name) == text
    except UnicodeError:
        return False


def _length(text: str, limit: TextLimit) -> int:
    """How long the column finds a text. NVARCHAR counts UTF-16 units, so an emoji takes two; VARCHAR counts bytes."""
    if limit.unit == "utf-16":
        return len(text.encode("utf-16-le")) // 2
    return length_of(text, limit.encoding) if limit.unit == "bytes" else len(text)


def length_of(text: str, encoding: str) -> int:
    """Bytes of a text in an encoding that a profile names; a letter without a code counts as one."""
    return len(text.encode(_codec(encoding), "replace"))


def _codec(encoding: str) -> str:
    """Python's name of an encoding that a profile names."""
    return {"unicode": "utf-8", "latin-2": "iso8859-2", "latin-9": "iso8859-15"}.get(encoding, encoding)


def _fitted_time(limit: TimeLimit, value: date, note: Note) -> date:
    day = value.date() if isinstance(value, datetime) else value
    if not limit.earliest <= day <= limit.latest:
        note(FindingCode.DATE_OUT_OF_RANGE, f"outside {limit.earliest} to {limit.latest}")
    try:
        kept = _kept(limit.precision, value)
    except OverflowError:
        note(FindingCode.DATE_OUT_OF_RANGE, f"rounds beyond the last day of {limit.precision}")
        return value
    if kept != value and (isinstance(kept, datetime) or _has_time(value)):
        note(FindingCode.DATE_PRECISION_LOST, f"the column keeps {_kept_of(limit.precision)}")
    return kept if limit.zone is None else _in_zone(limit.zone, kept, note)


def _in_zone(name: str, local: date, note: Note) -> datetime:
    """The moment at which clocks in the zone show `local`; a day begins at midnight there."""
    zone = _zone(name)
    shown = local if isinstance(local, datetime) else datetime.combine(local, time.min)
    moment = shown.replace(tzinfo=zone, fold=0)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != shown:
        note(FindingCode.DATE_OUT_OF_RANGE, f"clocks in {name} were put forward over this time: it never was")
    elif moment.utcoffset() != moment.replace(fold=1).utcoffset():
        note(FindingCode.DATE_PRECISION_LOST, f"clocks in {name} showed this twice: the first time counts")
    return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta()))


_zone = lru_cache(maxsize=16)(ZoneInfo)


def _kept(precision: str, value: date) -> date:
    """What is written: cut where the column has decimal places, rounded as the server does where it has its own."""
    if not isinstance(value, datetime):
        return value
    if precision == "day":
        return value.date()
    if precision == "minute":
        return value.replace(second=0, microsecond=0)
    if precision in ROUNDED:
        return ROUNDED[precision](value)
    unit = _KEPT_MICROSECONDS[precision]
    return value.replace(microsecond=value.microsecond // unit * unit)


def _kept_of(precision: str) -> str:
    return {"datetime": "a 1/300 second", "smalldatetime": "the nearest minute"}.get(precision, f"a {precision}")


def _has_time(value: date) -> bool:
    return isinstance(value, datetime) and value.time() != datetime.min.time()


def noted(notices: list[Notice], image: str | None, column: str) -> Note:
    """A `Note` that adds to `notices`, once per image, column and code."""

    def note(code: FindingCode, detail: str) -> None:
        notice = Notice(code, image, column, detail)
        if notice not in notices:
            notices.append(notice)

    return note
