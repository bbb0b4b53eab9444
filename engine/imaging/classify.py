"""Photo or radiograph, judged by the pixels alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.pixels import Pixels

# Steps of an 8-bit sample by which the channels of a grey picture may differ after lossy coding of its colour.
LOSSY_TOLERANCE = 4
_BAND = 64  # rows looked at in one go: a colour picture shows itself in the first


def is_colour(pixels: Pixels) -> bool:
    """Whether the channels differ anywhere: at all if the encoding is lossless, by more than the tolerance if lossy."""
    if pixels.samples == 1:
        return False
    tolerance = LOSSY_TOLERANCE << max(pixels.bits_stored - 8, 0) if pixels.lossy else 0
    return any(_spread(pixels.array[top : top + _BAND]) > tolerance for top in range(0, pixels.height, _BAND))


def _spread(band: NDArray[Any]) -> int:
    """The most by which the channels of one pixel differ."""
    red, green, blue = (band[..., channel] for channel in range(3))
    highest, lowest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return int((highest.astype(np.int32) - lowest).max())
