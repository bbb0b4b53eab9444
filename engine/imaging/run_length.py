"""Writes DICOM run-length frames (PS3.5 annex G): one PackBits segment for each byte of a sample, high byte first."""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

_HEADER: Final = struct.Struct("<16I")


def rolled(samples: NDArray[Any]) -> bytes:
    """A frame of (h, w) or (h, w, samples) unsigned 8- or 16-bit little-endian samples. Each row is coded by itself."""
    width = samples.dtype.itemsize
    planes = samples.reshape(*samples.shape[:2], -1, 1).view(np.uint8)
    segments = [
        _segment(planes[:, :, sample, byte]) for sample in range(planes.shape[2]) for byte in reversed(range(width))
    ]
    starts = list(accumulate(map(len, segments), initial=_HEADER.size))[:-1]
    return b"".join((_HEADER.pack(len(segments), *starts, *[0] * (15 - len(starts))), *segments))


def _segment(plane: NDArray[np.uint8]) -> bytes:
    """Of even length, as DICOM wants it."""
    coded = b"".join(bytes(imagecodecs.packbits_encode(row.tobytes())) for row in plane)
    return coded + b"\0" * (len(coded) % 2)
