"""What a viewer shows: stored pixels under an orientation, and with low values black."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, Pixels
from engine.orientation import Orientation


def shown(array: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """The picture (height, width[, 3]) as shown: mirrored left-right first, then turned clockwise. A view, no copy."""
    mirrored = array[:, ::-1] if orientation.mirrored else array
    return np.rot90(mirrored, -orientation.quarter_turns)


def low_black(pixels: Pixels) -> Pixels:
    """The same view for a format that cannot say that low values are white: MONOCHROME1 inverted, without its window.

    Anything else is returned as it is.
    """
    if pixels.photometric != MONOCHROME1:
        return pixels
    inverted = np.invert(pixels.array)
    if not pixels.signed:
        inverted &= (1 << pixels.bits_stored) - 1
    return replace(pixels, array=inverted, photometric=MONOCHROME2, windows=(), voi_luts=())
