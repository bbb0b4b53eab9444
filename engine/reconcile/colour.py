"""Colour as DICOM stores it: planes, and YCbCr (ITU-T T.871, full range), whole or shared by two pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def side_by_side(flat: NDArray[Any], shape: tuple[int, int], *, planar: bool) -> NDArray[Any]:
    """Three samples a pixel as (h, w, 3), from pixel after pixel, or plane after plane if `planar`."""
    if planar:
        return np.ascontiguousarray(np.moveaxis(flat.reshape(3, *shape), 0, 2))
    return flat.reshape(*shape, 3)


def pairs_apart(flat: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """(h, w, 3) from Y Y Cb Cr for every two pixels. Raises ValueError for an odd width."""
    height, width = shape
    fours = flat.reshape(height, width // 2, 4)
    luma = fours[..., :2].reshape(height, width)
    return np.stack((luma, *(np.repeat(fours[..., place], 2, axis=1) for place in (2, 3))), axis=2)


def rgb_of_ybr(picture: NDArray[Any]) -> NDArray[Any]:
    """(h, w, 3) of 8-bit YCbCr, full range, as RGB, rounded to the nearest step.

    Whole numbers, with every decimal of the weights 0.299, 0.587 and 0.114: green is a fraction of 587,000.
    """
    luma = picture[..., 0].astype(np.int64)
    blue, red = (picture[..., channel].astype(np.int64) - 128 for channel in (1, 2))
    green = luma + (-202_008 * blue - 419_198 * red + 293_500) // 587_000
    rgb = np.stack((luma + (1_402 * red + 500) // 1_000, green, luma + (1_772 * blue + 500) // 1_000), axis=2)
    rounded: NDArray[Any] = np.clip(rgb, 0, 255).astype(np.uint8)
    return rounded
