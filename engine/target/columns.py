"""A value as the column's type wants it and as the server will keep it: 1 for true, hex for bytes, a rounded time."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql
from sqlalchemy.types import NullType, TypeEngine

from engine.target.server_time import as_datetime, as_datetime2, as_smalldatetime

Form = Callable[[TypeEngine[Any], object], object]
_POSTGRESQL_EPOCH: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - local times, as in the record
_MICROSECOND: Final = timedelta(microseconds=1)


def adapted(kind: TypeEngine[Any], value: object) -> object:
    """`value` for a column of type `kind`, as reflected from the target.

    Raises ValueError or ArithmeticError for a value the column cannot hold.
    """
    if value is None:
        return None
    form = _form(type(kind))  # type: ignore[arg-type]
    return value if form is None else form(kind, value)


def comparable(kind: TypeEngine[Any], value: object) -> object:
    """`value`, planned and adapted or read back from a column of type `kind`, in the form in which equal is `==`."""
    match value:
        case str() if isinstance(kind, sa.CHAR | sa.NCHAR):
            return value.rstrip(" ")  # the server fills up with blanks
        case bytes() | bytearray() | memoryview():
            return bytes(value).ljust(_fixed_length(kind), b"\0")
        case float() if isinstance(kind, sa.REAL):
            return struct.unpack("<f", struct.pack("<f", value))[0]  # single precision
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC)
    return value


def _fixed_length(kind: TypeEngine[Any]) -> int:
    """Bytes that every value of a BINARY(n) has; 0 where the length varies."""
    return int(kind.length or 0) if isinstance(kind, sa.BINARY) else 0


def _truth(kind: TypeEngine[Any], value: object) -> object:
    return bool(value)


def _uuid(kind: TypeEngine[Any], value: object) -> object:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def _text(kind: TypeEngine[Any], value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _day(kind: TypeEngine[Any], value: object) -> object:
    return value.date() if isinstance(value, datetime) else value


def _decimal(kind: TypeEngine[Any], value: object) -> object:
    """Rounded to the column's decimals, as every server does."""
    scale = getattr(kind, "scale", None)
    if isinstance(kind, sa.Float) or not isinstance(value, int | Decimal):
        return value
    return Decimal(value) if scale is None else Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def keeps_zone(kind: TypeEngine[Any]) -> bool:
    """Whether a column keeps a moment of the world, and not what a clock on the wall says."""
    return isinstance(kind, mssql.DATETIMEOFFSET) or bool(getattr(kind, "timezone", False))


def _moment(kind: TypeEngine[Any], value: object) -> object:
    """A time as the column rounds it. This machine's own time zone never has a part in it. Raises ValueError."""
    if not isinstance(kind, sa.DateTime) or not isinstance(value, date):
        return value
    moment = value if isinstance(value, datetime) else datetime.combine(value, time.min)
    if keeps_zone(kind) != (moment.tzinfo is not None):
        raise ValueError("a time zone where the column keeps none, or none where it keeps one")
    return _rounded(kind, moment)


def _rounded(kind: sa.DateTime, moment: datetime) -> datetime:
    match kind:
        case mssql.SMALLDATETIME():
            return as_smalldatetime(moment)
        case mssql.DATETIME2() | mssql.DATETIMEOFFSET():
            return as_datetime2(moment, 7 if kind.precision is None else kind.precision)
        case postgresql.TIMESTAMP() if kind.precision is not None:
            return as_timestamp(moment, kind.precision)
        case sa.DATETIME():
            return as_datetime(moment)
    return moment


def as_timestamp(moment: datetime, digits: int) -> datetime:
    """`moment` as PostgreSQL's `timestamp(digits)` gives it back, digits 0 to 6: rounded, halves away from 2000-01-01.

    Source: AdjustTimestampForTypmod in PostgreSQL's timestamp.c.
    """
    unit, epoch = int(10 ** (6 - digits)), _POSTGRESQL_EPOCH.replace(tzinfo=moment.tzinfo)
    distance = (moment - epoch) // _MICROSECOND
    rounded = (abs(distance) + unit // 2) // unit * unit
    return epoch + (rounded if distance >= 0 else -rounded) * _MICROSECOND


_FORMS: Final[tuple[tuple[Any, Form], ...]] = (
    (sa.Boolean, _truth),
    (sa.Uuid, _uuid),
    (sa.String | NullType, _text),
    (sa.DateTime, _moment),
    (sa.Date, _day),
    (sa.Numeric, _decimal),
)


@cache
def _form(kind: type[TypeEngine[Any]]) -> Form | None:
    """What a kind of column does to a value; None where it takes it as it is. There are a few dozen kinds."""
    return next((form for family, form in _FORMS if issubclass(kind, family)), None)
