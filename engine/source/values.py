"""Database values as values of the clinical record. What is not understood is never guessed: it raises Unreadable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final

from protocol.vocabulary import FindingCode

Row = Mapping[str, Any]

_DAY: Final = re.compile(r"\A\d{4}-\d\d-\d\d\Z")
_MOMENT: Final = re.compile(r"\A\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?\Z")


class Unreadable(Exception):
    """A value of a row has no meaning that the profile states. `detail` names the column, for local eyes."""

    def __init__(self, code: FindingCode, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)


def key(row: Row, column: str) -> str:
    """A key as text, whatever its type in the database."""
    value = row[column]
    if value is None:
        raise Unreadable(FindingCode.ORPHAN_ROW, f"{column} is empty")
    return str(value)


def optional_key(row: Row, column: str) -> str | None:
    return None if row[column] is None else str(row[column])


def text(row: Row, column: str) -> str:
    """A text, empty where the source holds none."""
    return optional_text(row, column) or ""


def optional_text(row: Row, column: str) -> str | None:
    """A text letter for letter; a number (a chart number kept as integer) in its decimal digits."""
    value = row[column]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is no text but {type(value).__name__}")


def needed_text(row: Row, column: str) -> str:
    """A text that must not be empty."""
    value = optional_text(row, column)
    if not value:
        raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is empty")
    return value


def integer(row: Row, column: str) -> int:
    value = row[column]
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is {value!r}, not an integer")


def flag(row: Row, column: str) -> bool:
    """A truth value, as the database's own or as 0 and 1."""
    value = row[column]
    if isinstance(value, bool):
        return value
    if value in (0, 1, "0", "1"):
        return bool(int(value))
    raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is {value!r}, not 0 or 1")


def code(row: Row, column: str, codes: Mapping[str, str]) -> str:
    """The model's word for a code of the source; an unmapped code is a finding, never a default."""
    value = row[column]
    if value is None or str(value) not in codes:
        raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is {value!r}, which the profile does not map")
    return codes[str(value)]


def optional_day(row: Row, column: str) -> date | None:
    """A day, from a date or an ISO text."""
    moment = optional_moment(row, column)
    if moment is not None and moment.time() != time.min:
        raise Unreadable(FindingCode.DATE_OUT_OF_RANGE, f"{column} is {row[column]!r}, a day with a time of day")
    return None if moment is None else moment.date()


def optional_moment(row: Row, column: str) -> datetime | None:
    """A local date and time, from the database's own type or an ISO text; None where the source holds none."""
    value = row[column]
    if isinstance(value, datetime):
        return _local(value, column)
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and (_DAY.match(value) or _MOMENT.match(value)):
        return _parsed(value, column)
    raise Unreadable(FindingCode.DATE_OUT_OF_RANGE, f"{column} is {value!r}, not a date we know how to read")


def _local(value: datetime, column: str) -> datetime:
    """The record holds local times; which zone a stored instant is local to only the profile's SQL can say."""
    if value.tzinfo is not None:
        raise Unreadable(FindingCode.DATE_OUT_OF_RANGE, f"{column} has a time zone; the profile must say AT TIME ZONE")
    return value


def _parsed(value: str, column: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError as problem:
        raise Unreadable(FindingCode.DATE_OUT_OF_RANGE, f"{column} is {value!r}, no day of the calendar") from problem
