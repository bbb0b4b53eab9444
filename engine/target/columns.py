"""A value as the column's type wants it, meaning unchanged: 1 for true, hex digits for bytes, ISO text for a time."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import NullType, TypeEngine


def adapted(kind: TypeEngine[Any], value: object) -> object:
    """`value` for a column of type `kind`, as reflected from the target."""
    if value is None:
        return None
    if isinstance(kind, sa.Boolean):
        return bool(value)
    if isinstance(kind, sa.String | NullType):
        return _text(value)
    if isinstance(kind, sa.DateTime) and isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time.min)
    if isinstance(kind, sa.Date) and isinstance(value, datetime):
        return value.date()
    return value


def _text(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
