"""DICOM run-length frames (PS3.5 annex G): one PackBits segment per byte of a sample, high byte first."""

from __future__ import annotations

import struct
from itertools import pairwise

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders.availability import Availability, codec
from engine.imaging.decoders.layout import Decoded, Layout
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

_HEADER = struct.Struct("<16I")
_MOST_A_BYTE = 64  # bytes that one of run lengths can become: 128 from two
_SLACK = 128  # bytes: the longest run, which may pad a segment; more would be a bomb


def is_available() -> Availability:
    return codec("PACKBITS")


def decode(frame: bytes, layout: Layout) -> Decoded:
    """The frame as (rows, columns[, samples])."""
    if layout.bits_allocated < 8:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "run-length data of single bits")
    width = layout.bits_allocated // 8
    planes = [_plane(segment, layout) for segment in _segments(frame, layout.samples * width)]
    out = np.empty((layout.rows, layout.columns, layout.samples, width), np.uint8)
    for index, plane in enumerate(planes):
        out[:, :, index // width, width - 1 - index % width] = plane
    return Decoded(out.view(f"<u{width}").reshape(layout.shape))


def _segments(frame: bytes, expected: int) -> list[bytes]:
    if len(frame) < _HEADER.size:
        raise ImageProblem(FindingCode.TRUNCATED, f"{len(frame)} bytes of run-length data")
    count, *offsets = _HEADER.unpack_from(frame)
    if count != expected:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"{count} run-length segments, {expected} expected")
    bounds = [*offsets[:count], len(frame)]
    return [frame[start:end] for start, end in pairwise(bounds)]


def _plane(segment: bytes, layout: Layout) -> NDArray[np.uint8]:
    size = layout.rows * layout.columns
    if len(segment) * _MOST_A_BYTE < size:
        raise ImageProblem(FindingCode.TRUNCATED, f"{len(segment)} bytes of run lengths cannot be {size}")
    room = bytearray(size + _SLACK)
    with foreign("run-length data"):
        decoded = imagecodecs.packbits_decode(segment, out=room)
    if len(decoded) < size:
        raise ImageProblem(FindingCode.TRUNCATED, f"{len(decoded)} of {size} run-length bytes")
    return np.frombuffer(room, np.uint8, size).reshape(layout.rows, layout.columns)
