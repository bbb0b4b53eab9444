"""PNG with 16 bits a colour, which Pillow would cut to 8, read by the PNG specification (W3C, chapters 9 and 10)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_SIGNATURE, _COLOUR, _PIXEL = b"\x89PNG\r\n\x1a\n", 2, 6  # colour type of three channels; bytes of a pixel
_HEAD = struct.Struct(">II5B")

Line = NDArray[np.uint8]


def is_deep_colour(data: bytes) -> bool:
    """Whether these bytes begin a PNG of three channels of 16 bits."""
    return data[:8] == _SIGNATURE and len(data) > 33 and _HEAD.unpack_from(data, 16)[2:4] == (16, _COLOUR)


def deep_colour(data: bytes) -> NDArray[np.uint16]:
    """(h, w, 3) samples. Raises ValueError for an interlaced picture, or one with fewer lines than promised."""
    width, height, *_, interlaced = _HEAD.unpack_from(data, 16)
    try:
        packed = zlib.decompress(b"".join(_picture_data(data)))
    except zlib.error as problem:
        raise ValueError("the PNG data is damaged") from problem
    if interlaced or len(packed) != height * (1 + width * _PIXEL):
        raise ValueError("interlaced, or another number of lines than promised")
    lines = np.frombuffer(packed, np.uint8).reshape(height, 1 + width * _PIXEL)
    plain, above = np.empty((height, width * _PIXEL), np.uint8), np.zeros(width * _PIXEL, np.uint8)
    for number, line in enumerate(lines):
        above = plain[number] = _unfiltered(int(line[0]), line[1:], above)
    return plain.view(">u2").astype(np.uint16).reshape(height, width, 3)


def is_cut_png(data: bytes) -> bool:
    """Whether these bytes begin a PNG and end before its end, be it only by a checksum."""
    if data[:8] != _SIGNATURE:
        return False
    ends = (end for kind, _, end in _chunks(data) if kind == b"IEND")
    return next(ends, len(data) + 1) > len(data)


def _picture_data(data: bytes) -> Iterator[bytes]:
    return (body for kind, body, _ in _chunks(data) if kind == b"IDAT")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Each chunk's kind and body, and where its checksum should end."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + size], at + size + 12
        at += size + 12


def _unfiltered(kind: int, line: Line, above: Line) -> Line:
    if kind == 1:
        return line.reshape(-1, _PIXEL).cumsum(axis=0, dtype=np.uint8).reshape(-1)
    if kind == 2:
        return line + above
    if kind in (3, 4):
        return _predicted(line.tolist(), above.tolist(), paeth=kind == 4)
    return line


def _predicted(line: list[int], above: list[int], *, paeth: bool) -> Line:
    """Filters that need the byte before: the average of left and above, or the nearest of three neighbours."""
    out = [0] * _PIXEL
    corner = [0] * _PIXEL + above
    for place, byte in enumerate(line):
        left, up = out[place], above[place]
        out.append(byte + (_nearest(left, up, corner[place]) if paeth else (left + up) // 2) & 0xFF)
    return np.array(out[_PIXEL:], np.uint8)


def _nearest(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
