"""Run-length coded DICOM pictures (PS3.5 annex G): a header of offsets, then one PackBits segment per byte plane."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.reconcile.codestream import StreamEnds


def unrolled(frame: bytes, shape: tuple[int, int], samples: int, bits: int) -> NDArray[Any]:
    """(h, w) or (h, w, samples) of 8, 16 or 32 `bits`. Raises StreamEnds, or ValueError for other planes."""
    if len(frame) < 64:
        raise StreamEnds("the run-length header is cut")
    (count, *starts), size = struct.unpack_from("<16I", frame), bits // 8
    if not size or count != samples * size:
        raise ValueError(f"{count} planes of bytes")
    bounds = pairwise((*starts[:count], len(frame)))
    planes = [_plane(frame[start:end], shape[0] * shape[1]) for start, end in bounds]
    words = [_word(planes[first : first + size]) for first in range(0, count, size)]
    return np.stack(words, axis=1).reshape(*shape, *([samples] if samples > 1 else []))


def _word(planes: list[NDArray[np.uint8]]) -> NDArray[Any]:
    """High bytes come first."""
    return planes[0] if len(planes) == 1 else np.stack(planes[::-1], axis=1).view(f"<u{len(planes)}").reshape(-1)


def _plane(segment: bytes, size: int) -> NDArray[np.uint8]:
    out = packed_bits(segment, size)
    if len(out) < size:
        raise StreamEnds("fewer run-length bytes than the picture has")
    return np.frombuffer(out, np.uint8, size)


def packed_bits(segment: bytes, size: int) -> bytearray:
    """What PackBits data stand for, until `size` bytes are there or the data ends; the last run may go beyond."""
    out, at, end = bytearray(), 0, len(segment)
    while at < end and len(out) < size:
        head = segment[at]
        if head < 128:
            out += segment[at + 1 : at + 2 + head]
            at += head + 2
        elif head > 128:
            out += segment[at + 1 : at + 2] * (257 - head)
            at += 2
        else:
            at += 1
    return out
