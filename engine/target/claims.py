"""Whether the target's columns keep what the profile says of them; a profile that says too much would fail at night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any, Final

import sqlalchemy as sa

from engine.profiles.schema import TargetProfile
from engine.target.columns import adapted, keeps_zone
from engine.target.limits import fitted
from protocol.vocabulary import FindingCode

ColumnOf = Callable[[str, str], sa.Column[Any] | None]  # table and column as the profile writes them
# Whatever a column drops or rounds of it, down to the microsecond, is seen.
_MOMENT: Final = datetime.fromisoformat("2019-03-04 10:30:31.124456")


def exaggerated(profile: TargetProfile, dialect: str, column_of: ColumnOf) -> Iterator[tuple[str, str]]:
    """ "Table.Column", and a sentence, for each column that keeps less than the profile says."""
    for place, limit in profile.text.items():
        column = column_of(*place.split(".", 1))
        held = getattr(column.type, "length", None) if column is not None else None
        if isinstance(held, int) and held < limit.length:
            yield place, f"the profile says that it holds {limit.length}, the column holds {held}"
        elif column is not None and limit.encoding == "unicode" and _has_code_page(column, dialect):
            yield place, "the profile says that it holds every letter, the column has a code page"
    for place in profile.time:
        column = column_of(*place.split(".", 1))
        if column is not None and not _keeps(profile, place, column):
            yield place, f"the profile says that it keeps a {profile.time[place].precision}, the column keeps less"


def _has_code_page(column: sa.Column[Any], dialect: str) -> bool:
    text = isinstance(column.type, sa.String) and not isinstance(column.type, sa.Unicode | sa.UnicodeText)
    return dialect == "mssql" and text


def _keeps(profile: TargetProfile, place: str, column: sa.Column[Any]) -> bool:
    """Whether a moment as the profile would write it comes back as it was written."""
    written = fitted(profile, place, "", _MOMENT, _unnoticed)
    if not isinstance(column.type, sa.DateTime | sa.Date) or keeps_zone(column.type) != _has_zone(written):
        return True  # a zone too much or too little is told apart
    return _as_moment(adapted(column.type, written)) == _as_moment(written)


def _has_zone(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _as_moment(value: object) -> object:
    """A day as its beginning."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time.min)
    return value


def _unnoticed(code: FindingCode, detail: str) -> None:
    return None
