"""Reads the target's own image file by the `[native]` description of its profile, with struct and numpy only."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from engine.profiles.native_rules import FieldRule, NativeRules
from engine.reconcile.native_payload import RAW_WIDTHS, PayloadUnlike, unpacked_payload
from engine.reconcile.native_values import Field, Value, ValueUnfit, packed_text, raw_of, value_of

__all__ = ["Field", "NativeDamaged", "NativeFile", "NativeLayout", "Value", "layout_of", "packed_text", "read_native"]

SIZES = ("payload.size", "header.size", "file.size")


class NativeDamaged(ValueError):
    """The file is shorter, longer or otherwise shaped than its description allows."""


@dataclass(frozen=True, slots=True)
class NativeLayout:
    """The description of one file type. `codec` is how the payload is packed, `order` the byte order of its words."""

    header: tuple[Field, ...]
    codec: str
    order: str
    trailer: tuple[Field, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return (*self.header, *self.trailer)

    def tells(self, meaning: str) -> bool:
        """Whether a field or a bit of one says this."""
        return any(meaning == field.meaning or meaning in field.bits for field in self.fields)


@dataclass(frozen=True, slots=True)
class Stands:
    """A field of one file: its value and bytes, and where in the file these begin."""

    field: Field
    value: Value
    raw: bytes
    at: int


@dataclass(frozen=True, slots=True)
class NativeFile:
    """What a file holds: each field, the values by meaning, the pixels as unsigned words, and its three parts."""

    stands: tuple[Stands, ...]
    meant: Mapping[str, Value]
    pixels: NDArray[Any]
    parts: tuple[memoryview, memoryview, memoryview]

    @property
    def fields(self) -> tuple[tuple[Field, Value, bytes], ...]:
        return tuple((stands.field, stands.value, stands.raw) for stands in self.stands)


def read_native(layout: NativeLayout, data: bytes) -> NativeFile:
    """Every field and the pixels, (h, w) or (h, w, samples). Raises NativeDamaged."""
    walk = _Walk(layout, data)
    try:
        start = walk.over(layout.header, 0)
        meant = walk.meant()
        end = start + _payload_size(layout, meant, len(data) - start)
        if end > len(data):
            raise NativeDamaged("the payload's size is not what the header says")
        whole = walk.over(layout.trailer, end)
        if whole != len(data):
            raise NativeDamaged("the file is longer than its description")
        walk.require_told({"payload.size": end - start, "header.size": start, "file.size": whole})
        view, meant = memoryview(data), walk.meant()
        pixels = unpacked_payload(layout.codec, layout.order, view[start:end], meant)
        return NativeFile(tuple(walk.stands), meant, pixels, (view[:start], view[start:end], view[end:]))
    except (PayloadUnlike, ValueUnfit, struct.error) as problem:
        raise NativeDamaged(str(problem)) from problem


def _payload_size(layout: NativeLayout, meant: Mapping[str, Value], left: int) -> int:
    """As the header tells, or as the picture's form tells for one that is not compressed."""
    told = meant.get("payload.size")
    if layout.codec in RAW_WIDTHS:
        count = 1
        for name in ("height", "width", "samples"):
            value = meant.get(f"pixels.{name}", 1)
            count *= value if isinstance(value, int) else 0
        allocated = meant.get("pixels.bits_allocated", 16)
        size = count * (RAW_WIDTHS[layout.codec] or (1 if allocated == 8 else 2))
        if told not in (None, size):
            raise NativeDamaged("the payload's size is not what the header says")
        return size
    return told if isinstance(told, int) else max(left - sum(field.size for field in layout.trailer), 0)


class _Walk:
    """Goes over the fields of one file, one after the other."""

    def __init__(self, layout: NativeLayout, data: bytes) -> None:
        self._data = data
        self._lengths = {field.length_of: field for field in layout.fields if field.length_of}
        self.stands: list[Stands] = []
        self._by_name: dict[str, Stands] = {}

    def over(self, fields: tuple[Field, ...], at: int) -> int:
        """Reads the fields that are there; returns where the last one ends."""
        for field in fields:
            if not self._is_there(field):
                continue
            size = self._size(field, at)
            raw = self._data[at : at + size]
            if len(raw) < size:
                raise NativeDamaged("the file is shorter than its header and trailer")
            stands = Stands(field, value_of(field, raw), raw, at)
            self.stands.append(stands)
            self._by_name[field.name] = stands
            at += size
        return at

    def _is_there(self, field: Field) -> bool:
        if field.when is None:
            return True
        name, bit, equals = field.when
        value = self._by_name[name].value
        if not isinstance(value, int):
            return False
        return value == equals if bit is None else bool(value & 1 << bit)

    def _size(self, field: Field, at: int) -> int:
        if field.align:
            return (field.align - at % field.align) % field.align
        if field.size:
            return field.size
        told = self._by_name[self._lengths[field.name].name]
        size = (told.value if isinstance(told.value, int) else 0) * told.field.unit
        if not 0 <= size <= field.at_most:
            raise NativeDamaged(f"{field.name} is longer than its description allows")
        return size

    def meant(self) -> dict[str, Value]:
        """Values by meaning, and of each bit that has one."""
        meant: dict[str, Value] = {}
        for stands in self.stands:
            if stands.field.meaning:
                meant[stands.field.meaning] = stands.value
            if isinstance(stands.value, int):
                meant |= {name: stands.value >> bit & 1 for bit, name in enumerate(stands.field.bits)}
        return meant

    def require_told(self, sizes: Mapping[str, int]) -> None:
        """Raises NativeDamaged where a field tells another size than the file has."""
        for stands in self.stands:
            meaning = stands.field.meaning or ""
            if meaning in sizes and stands.value != sizes[meaning]:
                raise NativeDamaged(f"{stands.field.name} is not the size it should be")
            if stands.field.length_of is not None:
                target = self._by_name.get(stands.field.length_of)
                if stands.value != (len(target.raw) if target else 0) // stands.field.unit:
                    raise NativeDamaged(f"{stands.field.name} is not the length it should be")


def layout_of(native: NativeRules) -> NativeLayout:
    """The layout that a profile's [native] describes."""
    header, trailer = (
        tuple(_field(rule, native.byte_order) for rule in part) for part in (native.header, native.trailer)
    )
    order = ">" if (native.payload.byte_order or native.byte_order) == "big" else "<"
    return NativeLayout(header, native.payload.codec, order, trailer)


def _field(rule: FieldRule, byte_order: str) -> Field:
    when = rule.when
    field = Field(
        rule.name,
        rule.type,
        rule.size,
        None,
        _plain(rule.is_.text) if rule.is_ else None,
        rule.encoding or "utf-8",
        ">" if (rule.byte_order or byte_order) == "big" else "<",
        rule.form,
        tuple(_plain(bit.text) for bit in rule.bits),
        rule.length_of,
        rule.unit,
        rule.at_most,
        rule.align,
        (when.field, when.bit, when.equals) if when else None,
    )
    return field if rule.value is None else _with_fixed(field, rule.value)


def _with_fixed(field: Field, value: int | float | bytes | str) -> Field:
    return replace(field, fixed=value if isinstance(value, bytes) else raw_of(field, value))


def _plain(text: str) -> str:
    """Without the spaces that mean nothing; those within quotes do."""
    return text.strip() if "'" in text or '"' in text else "".join(text.split())
