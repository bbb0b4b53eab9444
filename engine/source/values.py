"""Database values as values of the clinical record. What is not understood is never guessed: it raises Unreadable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.profiles.values import ValueRules
from engine.source.dates import Dates, NotADate
from engine.source.spoken import kind_of, spoken
from protocol.vocabulary import FindingCode

Row = Mapping[str, Any]

_WHOLE: Final = re.compile(r"[+-]?\d{1,9}(\.0{1,9})?")
_ISO: Final = Dates(ValueRules())


class Unreadable(Exception):
    """A value of a row has no meaning that the profile states. `detail` begins with the column; for local eyes."""

    def __init__(self, code: FindingCode, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)

    @property
    def column(self) -> str:
        """The column it is about, where it is about one."""
        return self.detail.partition(" ")[0]


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
    """A text letter for letter; a whole number (a chart number kept as one) in its digits; a UUID with dashes."""
    value = row[column]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return str(int(value))
    raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is no text but {kind_of(value)}")


def needed_text(row: Row, column: str) -> str:
    """A text that must not be empty."""
    value = optional_text(row, column)
    if not value:
        raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is empty")
    return value


def integer(row: Row, column: str) -> int:
    """A whole number, from a number or from a text of digits."""
    value = row[column]
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is {spoken(value)}, not an integer")


def flag(row: Row, column: str) -> bool:
    """A truth value, as the database's own or as 0 and 1."""
    value = row[column]
    if isinstance(value, bool):
        return value
    if value in (0, 1, "0", "1"):
        return bool(int(value))
    raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is {spoken(value)}, not 0 or 1")


def code(row: Row, column: str, codes: Mapping[str, str]) -> str:
    """The model's word for a code of the source; an unmapped code is a finding, never a default."""
    value = row[column]
    if value is None or str(value) not in codes:
        raise Unreadable(FindingCode.UNKNOWN_CODE, f"{column} is {spoken(value)}, which the profile does not map")
    return codes[str(value)]


def optional_day(row: Row, column: str, dates: Dates = _ISO) -> date | None:
    """A day, from a date or a text in a form the profile states."""
    moment = optional_moment(row, column, dates)
    if moment is not None and moment.time() != time.min:
        raise Unreadable(FindingCode.DATE_OUT_OF_RANGE, f"{column} is {spoken(row[column])}, a day with a time of day")
    return None if moment is None else moment.date()


def optional_moment(row: Row, column: str, dates: Dates = _ISO) -> datetime | None:
    """A local date and time; None where the source holds none."""
    try:
        return dates.moment(column, row[column])
    except NotADate as problem:
        raise Unreadable(FindingCode.DATE_OUT_OF_RANGE, f"{column} is {spoken(row[column])}: {problem}") from problem
