"""Photo or radiograph, judged by the pixels alone."""

from __future__ import annotations

import numpy as np

from engine.imaging.pixels import Pixels

# Steps of an 8-bit sample by which the channels of a grey picture may differ after lossy coding of its colour.
LOSSY_TOLERANCE = 4


def is_colour(pixels: Pixels) -> bool:
    """Whether the channels differ anywhere: at all if the encoding is lossless, by more than the tolerance if lossy."""
    if pixels.samples == 1:
        return False
    red, green, blue = (pixels.array[..., channel] for channel in range(3))
    if not pixels.lossy:
        return not (np.array_equal(red, green) and np.array_equal(green, blue))
    spread = pixels.array.max(axis=2).astype(np.int32) - pixels.array.min(axis=2)
    return bool(spread.max() > LOSSY_TOLERANCE << max(pixels.bits_stored - 8, 0))
