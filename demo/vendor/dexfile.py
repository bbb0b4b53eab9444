"""Writes the modelled .dex file, from docs/modelled-dex.md, with nothing but `struct`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5

_HEADER = struct.Struct("<4sHHIIIBBBBddQ16sI132s56x")
_MAGIC, _END, _HEADER_SIZE, _FORMAT = b"DEX1", b"1XED", 256, 3
_LOW_IS_WHITE, _HAS_WINDOW = 1, 4
_EPOCH, _PERSON_SIZE = datetime.fromisoformat("1601-01-01"), 132


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


def dex_bytes(image: DexImage) -> bytes:
    """The file."""
    return _header(image) + image.values + _END


def security_hash(image: DexImage) -> bytes:
    """MD5 over the pixels: 16-bit samples of a grey picture, 8-bit samples of a colour picture."""
    pixels = image.values if image.samples == 1 else image.values[::2]
    return md5(pixels, usedforsecurity=False).digest()


def _header(image: DexImage) -> bytes:
    flags = _LOW_IS_WHITE * image.low_is_white + _HAS_WINDOW * (image.window is not None)
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
