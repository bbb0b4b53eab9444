"""The orientation a photo states for itself, carried in an EXIF block and never applied to samples (docs/adr/0011)."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from engine.orientation import FROM_EXIF

_PNG_HEAD: Final = 33  # bytes of a PNG up to the end of its first chunk, IHDR
_BLOCK: Final = struct.Struct("<4sIHHHIHHI")  # a TIFF header, and one directory of one tag
_ORIENTATION, _SHORT = 274, 3


def with_orientation(png: bytes, orientation: int) -> bytes:
    """The same PNG, stating this orientation (1-8); the very same bytes for 1, which is what no statement means."""
    if orientation == 1:
        return png
    body = b"eXIf" + _BLOCK.pack(b"II*\0", 8, 1, _ORIENTATION, _SHORT, 1, orientation, 0, 0)
    chunk = struct.pack(">I", _BLOCK.size) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_PNG_HEAD] + chunk + png[_PNG_HEAD:]


def lost_orientation(orientation: int) -> tuple[str, ...]:
    """In words, what a file that has no place for it loses."""
    if orientation == 1:
        return ()
    return (f"EXIF orientation {orientation} ({FROM_EXIF[orientation]})",)
