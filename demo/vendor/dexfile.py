"""Writes the modelled .dex file, from docs/modelled-dex.md, with nothing but `struct`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5

_HEADER = struct.Struct("<4sHHIIIBBBBddQ16sI132s56x")
_MAGIC, _END, _HEADER_SIZE, _FORMAT = b"DEX1", b"1XED", 256, 3
_LOW_IS_WHITE, _HAS_WINDOW, _HAS_RESCALE, _HAS_SPACING, _HAS_WINDOWS, _HAS_TABLES = 1, 4, 8, 16, 32, 64
_EPOCH, _PERSON_SIZE = datetime.fromisoformat("1601-01-01"), 132


@dataclass(frozen=True, slots=True)
class DexTable:
    """A look-up table: sample value of the first entry, bits of an entry, explanation, entries."""

    first: int
    bits: int
    explanation: str
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DexDisplay:
    """How the samples are to be shown, beyond one window: rescale (slope, intercept), millimetres between rows and
    columns, every window as (centre, width, function, explanation) with the image's own first, and tables.
    """

    rescale: tuple[float, float] | None = None
    spacing: tuple[float, float] | None = None
    windows: tuple[tuple[float, float, str, str], ...] = ()
    voi: DexTable | None = None
    modality: DexTable | None = None


@dataclass(frozen=True, slots=True)
class DexImage:
    """What one .dex file holds. `values` are all samples, row by row from the top, colour as red, green, blue."""

    visual_id: int
    width: int
    height: int
    bits_allocated: int
    bits_stored: int
    samples: int
    low_is_white: bool
    window: tuple[float, float] | None
    acquired_at: datetime | None
    person: str
    values: bytes  # little-endian 16-bit, even for 8-bit pictures
    display: DexDisplay = DexDisplay()


def dex_bytes(image: DexImage) -> bytes:
    """The file."""
    return _header(image) + image.values + _display(image.display) + _END


def security_hash(image: DexImage) -> bytes:
    """MD5 over the pixels: 16-bit samples of a grey picture, 8-bit samples of a colour picture."""
    pixels = image.values if image.samples == 1 else image.values[::2]
    return md5(pixels, usedforsecurity=False).digest()


def _header(image: DexImage) -> bytes:
    flags = (
        _LOW_IS_WHITE * image.low_is_white + _HAS_WINDOW * (image.window is not None) + _display_flags(image.display)
    )
    center, width = image.window or (0.0, 0.0)
    return _HEADER.pack(
        _MAGIC,
        _HEADER_SIZE,
        _FORMAT,
        image.visual_id,
        image.width,
        image.height,
        image.bits_allocated,
        image.bits_stored,
        image.samples,
        flags,
        center,
        width,
        _file_time(image.acquired_at),
        security_hash(image),
        len(image.values),
        _person_field(image.person),
    )


def _display_flags(display: DexDisplay) -> int:
    return (
        _HAS_RESCALE * (display.rescale is not None)
        + _HAS_SPACING * (display.spacing is not None)
        + _HAS_WINDOWS * bool(display.windows)
        + _HAS_TABLES * (display.voi is not None or display.modality is not None)
    )


def _display(display: DexDisplay) -> bytes:
    """What follows the pixels."""
    parts = [struct.pack("<2d", *pair) for pair in (display.rescale, display.spacing) if pair is not None]
    if display.windows:
        lines = "\n".join("\\".join(map(str, window)) for window in display.windows).encode()
        parts.append(struct.pack("<H", len(lines)) + lines)
    if display.voi is not None or display.modality is not None:
        parts += [_table(display.voi), _table(display.modality)]
    return b"".join(parts)


def _table(table: DexTable | None) -> bytes:
    if table is None:
        return struct.pack("<iHHI", 0, 0, 0, 0)
    note, count = table.explanation.encode(), len(table.entries)
    return struct.pack(f"<iHH{len(note)}sI{count}H", table.first, table.bits, len(note), note, count, *table.entries)


def _file_time(moment: datetime | None) -> int:
    """100 ns since 1601, local time of the practice; 0 if unknown."""
    if moment is None:
        return 0
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10


def _person_field(person: str) -> bytes:
    """NUL, the name, NUL; as many whole letters as fit; the rest NULs."""
    room = _PERSON_SIZE - 2
    letters = person.encode()[:room].decode(errors="ignore").encode()
    return (b"\0" + letters).ljust(_PERSON_SIZE, b"\0")
