"""Uncompressed DICOM frames: a view of the file's own bytes wherever their form allows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders.availability import AVAILABLE, Availability
from engine.imaging.decoders.layout import Decoded, Layout
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

_YBR_422 = "YBR_FULL_422"


def is_available() -> Availability:
    return AVAILABLE


def frame_bytes(layout: Layout) -> int:
    """Bytes that one frame takes, without padding."""
    if layout.photometric == _YBR_422:
        return layout.rows * layout.columns * 2 * layout.bits_allocated // 8
    return (layout.rows * layout.columns * layout.samples * layout.bits_allocated + 7) // 8


def decode(frame: bytes | memoryview, layout: Layout) -> Decoded:
    """The frame as (rows, columns[, samples]). Raises ImageProblem TRUNCATED or UNREADABLE_FILE if sizes differ."""
    raw = np.frombuffer(frame, np.uint8)
    if layout.big_endian and layout.vr == "OW" and layout.bits_allocated <= 8:
        raw = _swapped(raw)
    size = frame_bytes(layout)
    _require_size(raw, size)
    if layout.photometric == _YBR_422 and layout.columns % 2:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"{layout.columns} columns cannot share colours in pairs")
    array = _samples(raw[:size], layout)
    if layout.photometric == _YBR_422:
        return Decoded(_expanded(array, layout))
    if layout.planar and layout.samples > 1:
        return Decoded(np.moveaxis(array.reshape(layout.samples, layout.rows, layout.columns), 0, 2))
    return Decoded(array.reshape(layout.shape))


def _require_size(raw: NDArray[np.uint8], size: int) -> None:
    if raw.size < size:
        raise ImageProblem(FindingCode.TRUNCATED, f"{raw.size} of {size} bytes of pixels")
    extra = raw.size - size
    if extra >= size and extra > size % 2:  # a lone byte is padding to an even length
        raise ImageProblem(FindingCode.MULTIFRAME, f"{raw.size} bytes of pixels, a frame has {size}")
    if raw[size:].any():
        detail = f"{extra} bytes of pixels more than the header accounts for"
        raise ImageProblem(FindingCode.UNREADABLE_FILE, detail)


def _samples(raw: NDArray[np.uint8], layout: Layout) -> NDArray[Any]:
    if layout.bits_allocated > 8:
        return raw.view(f"{'>' if layout.big_endian else '<'}u{layout.bits_allocated // 8}")
    if layout.bits_allocated == 1:
        return np.unpackbits(raw, count=layout.rows * layout.columns * layout.samples, bitorder="little")
    return raw


def _swapped(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bytes in order, where they were written as big-endian words, padding included."""
    return raw[: raw.size // 2 * 2].reshape(-1, 2)[:, ::-1].reshape(-1)


def _expanded(array: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Two pixels share one pair of colour samples: Y1 Y2 Cb Cr."""
    pairs = array.reshape(layout.rows, layout.columns // 2, 4)
    out = np.empty((layout.rows, layout.columns // 2, 2, 3), array.dtype)
    out[..., 0] = pairs[..., :2]
    out[..., 1:] = pairs[:, :, None, 2:]
    return out.reshape(layout.shape)
