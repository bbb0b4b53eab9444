"""What a target column can hold: text length and letters, days and precision of times. Nothing is cut silently."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from engine.profiles.schema import TargetProfile, TextLimit, TimeLimit
from engine.target.notice import Notice
from protocol.vocabulary import FindingCode

Note = Callable[[FindingCode, str], None]  # code, sentence

_CHART = "patient.chart_number"
_KEPT_MICROSECONDS = {"second": 1_000_000, "millisecond": 1_000, "microsecond": 1}


def fitted(profile: TargetProfile, column: str, origin: str, value: object, note: Note) -> object:
    """`value` as `column` ("Table.Column") keeps it; everything it cannot keep is noted. `origin` is the expression."""
    if isinstance(value, str):
        if limit := profile.text.get(column):
            _check_text(limit, origin, value, note)
    elif isinstance(value, date) and (span := profile.time.get(column)):
        return _fitted_time(span, value, note)
    return value


def _check_text(limit: TextLimit, origin: str, text: str, note: Note) -> None:
    if not _representable(text, limit.encoding):
        note(FindingCode.TEXT_NOT_REPRESENTABLE, f"holds letters that {limit.encoding} has no code for")
    elif (length := _length(text, limit.encoding)) > limit.length:
        code = FindingCode.CHART_TOO_LONG if origin.strip() == _CHART else FindingCode.TEXT_TOO_LONG
        note(code, f"{length} characters, the column holds {limit.length}")


def _representable(text: str, encoding: str) -> bool:
    try:
        text.encode("utf-8" if encoding == "unicode" else encoding)
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _length(text: str, encoding: str) -> int:
    """Characters as a column counts them. Unicode columns of SQL Server count UTF-16 units, so an emoji takes two."""
    return len(text.encode("utf-16-le")) // 2 if encoding == "unicode" else len(text)


def _fitted_time(limit: TimeLimit, value: date, note: Note) -> date:
    day = value.date() if isinstance(value, datetime) else value
    if not limit.earliest <= day <= limit.latest:
        note(FindingCode.DATE_OUT_OF_RANGE, f"outside {limit.earliest} to {limit.latest}")
    kept = _kept(limit.precision, value)
    if kept != value and (isinstance(kept, datetime) or _has_time(value)):
        note(FindingCode.DATE_PRECISION_LOST, f"the column keeps a {limit.precision}")
    return kept


def _kept(precision: str, value: date) -> date:
    if not isinstance(value, datetime):
        return value
    if precision == "day":
        return value.date()
    unit = _KEPT_MICROSECONDS[precision]
    return value.replace(microsecond=value.microsecond // unit * unit)


def _has_time(value: date) -> bool:
    return isinstance(value, datetime) and value.time() != datetime.min.time()


def noted(notices: list[Notice], image: str | None, column: str) -> Note:
    """A `Note` that adds to `notices`, once per image, column and code."""

    def note(code: FindingCode, detail: str) -> None:
        notice = Notice(code, image, column, detail)
        if notice not in notices:
            notices.append(notice)

    return note
