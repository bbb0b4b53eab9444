"""A database's values in words, as findings tell of them to a person, and not as a programming language writes them."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

# The first that fits: a truth value is a whole number too, a moment a day.
_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (str, "a text"),
    (bool, "a truth value"),
    (int, "a whole number"),
    ((float, Decimal), "a number"),
    ((bytes, bytearray, memoryview), "binary data"),
    (datetime, "a date with a time"),
    (date, "a date"),
    (time, "a time of day"),
    (UUID, "a UUID"),
)


def kind_of(value: Any) -> str:
    """What a value is."""
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "of a type that is not known here")


def spoken(value: Any) -> str:
    """The value itself: a text in quotation marks, with everything in it that could not be seen written out."""
    if isinstance(value, str):
        return repr(value)
    if value is None:
        return "empty"
    return kind_of(value) if isinstance(value, bytes | bytearray | memoryview) else str(value)
