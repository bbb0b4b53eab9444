"""Whether a column of the target takes a planned value and gives it back as it was: asked before anything is written.

A server that refuses a value does so at night, and one that keeps something else does not say so at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql
from sqlalchemy.types import NullType, TypeEngine

from engine.profiles.limits import SPANS, TextLimit
from engine.target.columns import adapted, keeps_zone
from engine.target.limits import length_of

_BITS: Final = ((sa.SmallInteger, 16), (sa.BigInteger, 64), (sa.Integer, 32))
_EXACT_BITS: Final = {sa.REAL: 24, sa.Float: 53}  # whole numbers that a floating point column holds exactly
_MINUTE: Final = 60
_ALL_DAYS: Final = (date.min, date.max)


@dataclass(frozen=True, slots=True)
class Holder:
    """One column of the target as it stands in the database; `text` is what the profile says of its texts."""

    kind: TypeEngine[Any]
    dialect: str
    is_nullable: bool = True
    text: TextLimit | None = None

    def misfit(self, value: object) -> str | None:
        """Why the column does not hold `value` as it is, and what to write in the profile; None where it does.

        The sentence holds nothing of the value.
        """
        if value is None:
            return None if self.is_nullable else "is empty, and the column is NOT NULL; write default(..., '...')"
        kind = self.kind
        if isinstance(kind, mssql.TIMESTAMP | mssql.XML):
            return "is not what the server would keep in a column of this type; leave the column out"
        judge = next((judge for family, judge in _JUDGES if isinstance(kind, family)), None)
        return f"nothing can be written into a column of type {kind!r}" if judge is None else judge(self, value)


def _any(column: Holder, value: object) -> str | None:
    """SQLite's columns without a type take everything."""
    return None


def _uuid(column: Holder, value: object) -> str | None:
    try:
        same = str(uuid.UUID(str(value))) == str(value)
    except ValueError:
        return "is no UUID, and the column holds nothing else"
    return None if same else "comes back in small letters with dashes; write lower(...), or select it so"


def _truth(column: Holder, value: object) -> str | None:
    return None if value in (0, 1) else "is neither 0 nor 1, and the column holds nothing else"


def _whole(column: Holder, value: object) -> str | None:
    if not isinstance(value, int):
        return _no_number(value)
    lowest, highest = _range(column)
    return None if lowest <= value <= highest else f"is beyond the column's numbers, {lowest} to {highest}"


def _range(column: Holder) -> tuple[int, int]:
    if isinstance(column.kind, mssql.TINYINT):
        return 0, 255
    bits = next(bits for family, bits in _BITS if isinstance(column.kind, family))
    bits = 64 if column.dialect == "sqlite" else bits
    return -(1 << bits - 1), (1 << bits - 1) - 1


def _floating(column: Holder, value: object) -> str | None:
    if not isinstance(value, int | float):
        return _no_number(value)
    bits = next(bits for family, bits in _EXACT_BITS.items() if isinstance(column.kind, family))
    return None if abs(value) <= 1 << bits else "has more digits than a floating point column holds"


def _decimal(column: Holder, value: object) -> str | None:
    if not isinstance(value, int | Decimal):
        return _no_number(value)
    precision, scale = getattr(column.kind, "precision", None), getattr(column.kind, "scale", None) or 0
    if precision is None or abs(value) < Decimal(10) ** (precision - scale):
        return None
    return f"has more digits than the column's {precision - scale}"


def _no_number(value: object) -> str:
    words: Mapping[type, str] = {bytes: "number(...)", str: "integer(...), or a code without quotes"}
    advice = words.get(type(value), "year(...)")
    return f"is {_called(value)}, and the column holds numbers; write {advice}"


def _moment(column: Holder, value: object) -> str | None:
    if not isinstance(value, date):
        return f"is {_called(value)}, and the column holds times; give it a field that is one"
    has_zone = isinstance(value, datetime) and value.tzinfo is not None
    if keeps_zone(column.kind) and not has_zone:
        return 'has no time zone, and the column keeps one; write zone = "Europe/Oslo" for it in [time], or another'
    if has_zone and not keeps_zone(column.kind):
        return "has a time zone, and the column keeps none; leave zone out of [time]"
    if column.dialect == "mssql" and _has_odd_offset(value):
        return "was so many hours and seconds from UTC, and the column keeps minutes"
    return _kept(column, value)


def _has_odd_offset(value: object) -> bool:
    offset = value.utcoffset() if isinstance(value, datetime) else None
    return offset is not None and offset.total_seconds() % _MINUTE != 0


def _kept(column: Holder, value: date) -> str | None:
    moment = value if isinstance(value, datetime) else datetime.combine(value, time.min)
    first, last = _span(column)
    if not first <= moment.date() <= last:
        return f"is before {first} or after {last}; state it in [time]"
    try:
        kept = adapted(column.kind, value)
    except (ValueError, ArithmeticError):
        return "is no time that the column holds"
    return None if kept == moment else "keeps less of a time than was planned; state its precision in [time]"


def _span(column: Holder) -> tuple[date, date]:
    """The first and the last day of the column's type."""
    if isinstance(column.kind, mssql.SMALLDATETIME):
        return SPANS["smalldatetime"]
    return SPANS["datetime"] if column.dialect == "mssql" and type(column.kind) is sa.DATETIME else _ALL_DAYS


def _day(column: Holder, value: object) -> str | None:
    if not isinstance(value, date):
        return f"is {_called(value)}, and the column holds days; give it a field that is one"
    if isinstance(value, datetime) and (value.tzinfo is not None or value.time() != time.min):
        return 'is a time, and the column keeps days; write date(...), or precision = "day" in [time]'
    return None


def _octets(column: Holder, value: object) -> str | None:
    if not isinstance(value, bytes):
        return f"is {_called(value)}, and the column holds bytes; a hash is bytes as integrity()"
    length = getattr(column.kind, "length", None)
    if isinstance(length, int) and len(value) > length:
        return f"has {len(value)} bytes, and the column holds {length}"
    if isinstance(column.kind, sa.BINARY) and isinstance(length, int) and len(value) != length:
        return f"has {len(value)} bytes, and the column fills up to {length}; it would come back as another value"
    return None


def _choice(column: Holder, value: object) -> str | None:
    choices = tuple(getattr(column.kind, "enums", ()))
    return None if value in choices else f"is none of the column's words, {', '.join(choices)}"


def _text(column: Holder, value: object) -> str | None:
    text = str(adapted(column.kind, value))
    if "\0" in text:
        return "holds a NUL, which no text may"
    if column.dialect == "mssql" and column.text is None and _has_code_page(column.kind) and not text.isascii():
        return "holds letters beyond ASCII, and the profile does not say the column's code page; add it to [text]"
    length, held = getattr(column.kind, "length", None), _measured(column, text)
    if isinstance(length, int) and held > length:
        return f"is {held} long, and the column holds {length}"
    pads = isinstance(column.kind, sa.CHAR | sa.NCHAR) and column.dialect != "sqlite"
    if pads and held < (length or 1) and (column.text is None or column.text.trailing_spaces == "kept"):
        return 'is filled up with blanks by the column; write trailing_spaces = "lost" for it in [text]'
    return None


def _has_code_page(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, sa.String) and not isinstance(kind, sa.Unicode | sa.UnicodeText)


def _measured(column: Holder, text: str) -> int:
    """How long the server itself finds the text."""
    if column.dialect != "mssql":
        return len(text)
    if not _has_code_page(column.kind):
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    page = column.text.encoding if column.text and column.text.encoding != "unicode" else "ascii"
    return length_of(text, page)


def _called(value: object) -> str:
    """What kind of value it is, in the words of the profile's language."""
    words: Mapping[type, str] = {bytes: "a hash as bytes", str: "a text", bool: "a truth", int: "a number"}
    return words.get(type(value), "a day or time")


_JUDGES: Final[tuple[tuple[Any, Callable[[Holder, object], str | None]], ...]] = (
    (NullType, _any),
    (sa.Uuid, _uuid),
    (sa.Boolean, _truth),
    (sa.Integer, _whole),
    (sa.Float, _floating),
    (sa.Numeric | mssql.MONEY | mssql.SMALLMONEY, _decimal),
    (sa.DateTime, _moment),
    (sa.Date, _day),
    (sa.LargeBinary | sa.BINARY | sa.VARBINARY | postgresql.BYTEA, _octets),
    (sa.Enum, _choice),
    (sa.String, _text),
)
