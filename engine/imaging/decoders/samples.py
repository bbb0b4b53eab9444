"""Stored samples of a DICOM frame in their final form: significant bits only, signed where the header says so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders.layout import Layout
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

# YBR_FULL to RGB (PS3.3 C.7.6.3.1.2) in whole numbers, so that nothing is rounded twice: rows are the shares of Y, Cb
# and Cr in red, green and blue, each over that colour's divisor.
_DIVISORS = np.array([1_000, 587_000, 1_000], np.int32)
_YBR_TO_RGB = np.array([[1_000, 587_000, 1_000], [0, -202_008, 1_772], [1_402, -419_198, 0]], np.int32)


def normalised(array: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """The samples at 8 or 16 bits, little-endian; bits beyond those stored are dropped. No copy if nothing changes.

    Raises ImageProblem UNREADABLE_FILE if a codestream has deeper samples than the header says.
    """
    width = max(layout.bits_allocated // 8, 1)
    if array.dtype.itemsize > width:
        detail = f"{array.dtype.itemsize * 8}-bit samples, the header says {layout.bits_allocated}"
        raise ImageProblem(FindingCode.UNREADABLE_FILE, detail)
    signed_source = array.dtype.kind == "i"
    words = array.astype(f"<{'i' if signed_source else 'u'}{width}", copy=False).view(f"<u{width}")
    unused_below = layout.high_bit + 1 - layout.bits_stored
    if unused_below:
        words = words >> unused_below
    samples = _signed(words, layout, width) if layout.signed else _unsigned(words, layout)
    return samples if width <= 2 else samples.astype(f"<{samples.dtype.kind}2")


def _unsigned(words: NDArray[Any], layout: Layout) -> NDArray[Any]:
    if layout.bits_stored < words.dtype.itemsize * 8 and int(words.max()) >> layout.bits_stored:
        masked: NDArray[Any] = np.bitwise_and(words, (1 << layout.bits_stored) - 1)
        return masked
    return words


def _signed(words: NDArray[Any], layout: Layout, width: int) -> NDArray[Any]:
    unused_above = 8 * width - layout.bits_stored
    if not unused_above:
        return words.view(f"<i{width}")
    extended: NDArray[Any] = (words << unused_above).view(f"<i{width}") >> unused_above
    return extended


def rgb_of_ybr(array: NDArray[Any]) -> NDArray[np.uint8]:
    """8-bit YBR_FULL (rows, columns, 3) as RGB, rounded to nearest. Raises ImageProblem NO_DECODER for other depths."""
    if array.dtype != np.uint8:
        raise ImageProblem(FindingCode.NO_DECODER, f"YBR at {array.dtype.itemsize * 8} bits per sample")
    rgb = (array.astype(np.int32) - np.array([0, 128, 128], np.int32)) @ _YBR_TO_RGB
    rounded: NDArray[np.int32] = (rgb + _DIVISORS // 2) // _DIVISORS
    return rounded.clip(0, 255).astype(np.uint8)
