"""BMP files."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np

from engine.imaging.limits import require_dimensions
from engine.imaging.pixels import MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "bmp"
_HEADER = struct.Struct("<2sIHHIIiiHH")  # file header, then size, width, height, planes, bits of the info header
_DEPTHS = frozenset({1, 4, 8, 24})


def matches(data: bytes) -> bool:
    return data[:2] == b"BM" and data[6:10] == b"\0\0\0\0"


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> bool:
    return bool(imagecodecs.BMP.available)


def decode(data: bytes) -> Pixels:
    """The picture, top row first. Raises ImageProblem."""
    if len(data) < _HEADER.size:
        raise ImageProblem(FindingCode.TRUNCATED, f"a BMP of {len(data)} bytes")
    _, _, _, _, start, _, width, height, _, depth = _HEADER.unpack_from(data)
    require_dimensions(width, abs(height))
    if depth not in _DEPTHS:
        raise ImageProblem(FindingCode.NO_DECODER, f"BMP with {depth} bits per pixel")
    expected = start + (width * depth + 31) // 32 * 4 * abs(height)
    if len(data) < expected:
        raise ImageProblem(FindingCode.TRUNCATED, f"{len(data)} of {expected} bytes")
    with foreign("the BMP data"):
        array = np.ascontiguousarray(imagecodecs.bmp_decode(data))
        return Pixels(array, 8, RGB if array.ndim == 3 else MONOCHROME2, encoding=FORMAT)
