"""Makes PNG files for tests: every colour type and depth, interlaced or not, with any chunks before the picture."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(array: NDArray[Any], bits: int, kind: int, *before: bytes, interlaced: bool = False) -> bytes:
    """`array` is (h, w) or (h, w, n) of samples of `bits` bits; `before` are whole chunks."""
    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], bits, kind, 0, 0, interlaced)
    parts = [array[top::down, left::across] for left, top, across, down in _PASSES] if interlaced else [array]
    packed = zlib.compress(b"".join(_lines(part, bits) for part in parts if part.size))
    whole = (chunk(b"IHDR", head), *before, chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(whole)


def _lines(part: NDArray[Any], bits: int) -> bytes:
    return b"".join(b"\0" + _packed(row.reshape(-1), bits) for row in part)


def _packed(row: NDArray[Any], bits: int) -> bytes:
    if bits >= 8:
        return row.astype(f">u{bits // 8}").tobytes()
    return np.packbits(np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - bits :].reshape(-1)).tobytes()


def profile() -> bytes:
    """Chunks that change what a colour-managed viewer shows, and no sample."""
    return chunk(b"gAMA", struct.pack(">I", 45_455)) + chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(200)))
