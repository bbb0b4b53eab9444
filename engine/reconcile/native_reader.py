"""Reads the target's own image file by the `[native]` description of its profile, with struct and numpy only."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.profiles.native_rules import FieldRule, NativeRules

Value = int | float | str | bytes | datetime | None
_NUMBERS = {"uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q", "int16": "h", "int32": "i", "float64": "d"}
_EPOCH = datetime(1601, 1, 1)  # noqa: DTZ001 - a filetime here counts the practice's local time
_LATEST = datetime(9999, 12, 31)  # noqa: DTZ001 - stands for every time beyond the calendar


class NativeDamaged(ValueError):
    """The file is shorter, longer or otherwise shaped than its description allows."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the header or trailer: `fixed` is what it must hold, `meaning` the profile's expression for it."""

    name: str
    kind: str
    size: int
    fixed: bytes | None
    meaning: str | None
    encoding: str


@dataclass(frozen=True, slots=True)
class NativeLayout:
    """The description of one file type. `codec` is how the payload is packed: "raw16"."""

    byte_order: str
    header: tuple[Field, ...]
    codec: str
    trailer: tuple[Field, ...]

    @property
    def header_size(self) -> int:
        return sum(field.size for field in self.header)

    @property
    def trailer_size(self) -> int:
        return sum(field.size for field in self.trailer)


@dataclass(frozen=True, slots=True)
class NativeFile:
    """What a file holds: each field with its value and bytes, the values by meaning, and the pixels."""

    fields: tuple[tuple[Field, Value, bytes], ...]
    meant: Mapping[str, Value]
    pixels: NDArray[Any]


def read_native(layout: NativeLayout, data: bytes) -> NativeFile:
    """Every field and the pixels, (h, w) or (h, w, samples). Raises NativeDamaged."""
    head, payload, tail = _parts(layout, data)
    fields = (*_fields(layout, layout.header, head), *_fields(layout, layout.trailer, tail))
    meant = {field.meaning: value for field, value, _ in fields if field.meaning}
    return NativeFile(fields, meant, _pixels(layout, payload, meant))


def _parts(layout: NativeLayout, data: bytes) -> tuple[bytes, memoryview, bytes]:
    start, end = layout.header_size, len(data) - layout.trailer_size
    if end < start:
        raise NativeDamaged("the file is shorter than its header and trailer")
    return data[:start], memoryview(data)[start:end], data[end:]


def _fields(layout: NativeLayout, fields: tuple[Field, ...], data: bytes) -> Iterator[tuple[Field, Value, bytes]]:
    at = 0
    for field in fields:
        raw = data[at : at + field.size]
        yield field, _value(layout, field, raw), raw
        at += field.size


def _value(layout: NativeLayout, field: Field, raw: bytes) -> Value:
    order = ">" if layout.byte_order == "big" else "<"
    if field.kind in _NUMBERS:
        number: int | float = struct.unpack(order + _NUMBERS[field.kind], raw)[0]
        return number
    if field.kind == "filetime":
        return _moment(struct.unpack(order + "Q", raw)[0])
    return _text(field, raw) if field.kind == "text" else raw


def _moment(ticks: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return _LATEST


def _text(field: Field, raw: bytes) -> str:
    """A text field's letters between its NUL delimiters; letters that are none show as replacement characters."""
    return raw.removeprefix(b"\0").rstrip(b"\0").decode(field.encoding, "replace")


def _pixels(layout: NativeLayout, payload: memoryview, meant: Mapping[str, Value]) -> NDArray[Any]:
    height, width, samples = (_count(meant, f"pixels.{name}") for name in ("height", "width", "samples"))
    if meant.get("payload.size", len(payload)) != len(payload) or len(payload) != height * width * samples * 2:
        raise NativeDamaged("the payload's size is not what the header says")
    flat = np.frombuffer(payload, np.dtype(">u2" if layout.byte_order == "big" else "<u2"))
    return flat.reshape((height, width) if samples == 1 else (height, width, samples))


def _count(meant: Mapping[str, Value], name: str) -> int:
    value = meant.get(name, 1 if name == "pixels.samples" else 0)
    return value if isinstance(value, int) else 0


def packed_text(text: str, size: int, encoding: str) -> bytes:
    """A text field as it must stand in a file: a NUL, as many whole letters as fit before another NUL, and NULs."""
    letters = text.encode(encoding, "replace")[: size - 2].decode(encoding, "ignore").encode(encoding)
    return (b"\0" + letters).ljust(size, b"\0")


def layout_of(native: NativeRules) -> NativeLayout:
    """The layout that a profile's [native] describes."""
    header, trailer = (
        tuple(_field(rule, native.byte_order) for rule in part) for part in (native.header, native.trailer)
    )
    return NativeLayout(native.byte_order, header, native.payload.codec, trailer)


def _field(rule: FieldRule, byte_order: str) -> Field:
    fixed = rule.value if isinstance(rule.value, bytes) else None
    if isinstance(rule.value, int):
        fixed = struct.pack((">" if byte_order == "big" else "<") + _NUMBERS[rule.type], rule.value)
    meaning = "".join(rule.is_.text.split()) if rule.is_ else None
    return Field(rule.name, rule.type, rule.size, fixed, meaning, rule.encoding or "utf-8")
