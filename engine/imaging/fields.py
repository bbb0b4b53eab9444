"""Fields of a native file's header and trailer, as constructs that read and write the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import construct

from engine.profiles.native_rules import FieldRule

_NUMBERS = {
    "uint8": (construct.Int8ul, construct.Int8ub),
    "uint16": (construct.Int16ul, construct.Int16ub),
    "uint32": (construct.Int32ul, construct.Int32ub),
    "int32": (construct.Int32sl, construct.Int32sb),
    "float64": (construct.Float64l, construct.Float64b),
    "filetime": (construct.Int64ul, construct.Int64ub),
}
_FILETIME_START = datetime(1601, 1, 1)  # noqa: DTZ001 - the practice's local time, as its systems keep it
_TICKS_PER_MICROSECOND = 10


def structure(fields: Iterable[FieldRule], byte_order: str) -> Any:
    """A construct that parses to and builds from a mapping of field name to value.

    Numbers are int or float, `bytes` are bytes, `filetime` is ticks (see `filetime`), `text` is str.
    """
    return construct.Struct(*(field.name / _construct(field, byte_order) for field in fields))


def _construct(field: FieldRule, byte_order: str) -> Any:
    if field.type == "text":
        return _Text(field.size, field.encoding or "utf-8")
    if field.type == "bytes":
        return construct.Bytes(field.size)
    return _NUMBERS[field.type][byte_order == "big"]


class _Text(construct.Adapter):  # type: ignore[misc]
    """Text between two NULs, NUL-padded to its size; a longer one is cut between two letters, None is empty."""

    def __init__(self, size: int, encoding: str) -> None:
        super().__init__(construct.Bytes(size))
        self._size, self._encoding = size, encoding

    def _decode(self, raw: bytes, context: object, path: str) -> str:
        text = raw[1:].rstrip(b"\0").decode(self._encoding)
        if self._encode(text, context, path) != raw:
            raise construct.ConstructError("not a text between NULs", path=path)
        return text

    def _encode(self, text: str | None, context: object, path: str) -> bytes:
        if text and "\0" in text:
            raise construct.ConstructError("a NUL within the text", path=path)
        room = self._size - 2
        cut = (text or "").encode(self._encoding)[:room].decode(self._encoding, errors="ignore")
        return b"\0" + cut.encode(self._encoding).ljust(self._size - 1, b"\0")


def filetime(when: datetime | None) -> int:
    """Ticks of 100 ns since 1601-01-01 of the same local time that `when` is in; 0 for unknown."""
    if when is None:
        return 0
    return (when.replace(tzinfo=None) - _FILETIME_START) // timedelta(microseconds=1) * _TICKS_PER_MICROSECOND
