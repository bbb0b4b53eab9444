"""[text] and [time] of a target: what its columns can hold, as frozen values and out of their TOML tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from engine.profiles.zones import read_zone
from engine.toml.document import Table

# "unicode" is every letter there is; the others are code pages by Python's names for them.
TEXT_ENCODINGS: Final = (
    *("unicode", "utf-8", "ascii", "latin-1", "latin-2", "latin-9"),
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp437", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863"),
    *("cp864", "cp865", "cp866", "cp869", "cp874", "cp932", "cp936", "cp949", "cp950", "koi8-r", "koi8-u"),
)
UNITS: Final = ("characters", "utf-16", "bytes")
KEPT_OR_LOST: Final = ("kept", "lost")
KEPT_OR_NULL: Final = ("kept", "null")
PRECISIONS: Final = (
    *("day", "minute", "second", "decisecond", "centisecond", "millisecond", "microsecond"),
    *("datetime", "smalldatetime"),
)
# The first and last day of SQL Server's types that round by a rule of their own.
SPANS: Final[Mapping[str, tuple[date, date]]] = {
    "datetime": (date(1753, 1, 1), date(9999, 12, 31)),
    "smalldatetime": (date(1900, 1, 1), date(2079, 6, 6)),
}
_LONGEST: Final = 1_000_000  # units; a clinical text is never near it


@dataclass(frozen=True, slots=True)
class TextLimit:
    """The longest text a column holds, counted in `unit`, and the letters it can hold.

    `trailing_spaces` "lost": the column gives a text back without them, or pads it (CHAR), so that they say nothing.
    `empty` "null": the column does not tell an empty text from none, and none is written.
    """

    length: int
    encoding: str
    unit: str = ""
    trailing_spaces: str = "kept"
    empty: str = "kept"

    def __post_init__(self) -> None:
        """Without a stated unit: UTF-16 units for NVARCHAR, bytes for a code page."""
        if not self.unit:
            object.__setattr__(self, "unit", "utf-16" if self.encoding == "unicode" else "bytes")


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """What a time column keeps, and its first and last day.

    `zone`: the column keeps moments of the world, and this is the zone whose clocks show the record's times.
    """

    precision: str
    earliest: date
    latest: date
    zone: str | None = None


def read_text_limit(table: Table) -> TextLimit:
    """One entry of [text]. Raises UsageProblem."""
    table.only(("length", "encoding"), ("unit", "trailing_spaces", "empty"))
    limit = TextLimit(
        length=table.integer("length", 1, _LONGEST),
        encoding=table.word("encoding", TEXT_ENCODINGS),
        unit=table.word("unit", UNITS) if table.has("unit") else "",
        trailing_spaces=table.word("trailing_spaces", KEPT_OR_LOST) if table.has("trailing_spaces") else "kept",
        empty=table.word("empty", KEPT_OR_NULL) if table.has("empty") else "kept",
    )
    if limit.encoding == "unicode" and limit.unit == "bytes":
        advice = 'write encoding = "utf-8", or unit = "utf-16" for NVARCHAR and unit = "characters" for PostgreSQL'
        raise table.problem("unit", "unicode has no bytes of its own", advice)
    return limit


def read_time_limit(table: Table) -> TimeLimit:
    """One entry of [time]. Raises UsageProblem."""
    table.only(("precision", "earliest", "latest"), ("zone",))
    zone = read_zone(table, "zone") if table.has("zone") else None
    limit = TimeLimit(table.word("precision", PRECISIONS), table.day("earliest"), table.day("latest"), zone)
    if zone is not None and limit.precision in SPANS:
        raise table.problem("zone", f"a {limit.precision} column keeps no time zone", "leave zone out")
    if limit.latest < limit.earliest:
        raise table.problem("latest", "latest is before earliest", "put the earlier day into earliest")
    first, last = SPANS.get(limit.precision, (date.min, date.max))
    for key, day in (("earliest", limit.earliest), ("latest", limit.latest)):
        if not first <= day <= last:
            what = f"{key} is {day}; a {limit.precision} column holds {first} to {last}"
            raise table.problem(key, what, f"write {key} = {first if key == 'earliest' else last}")
    return limit
