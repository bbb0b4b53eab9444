"""What a viewer shows: stored pixels under an orientation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.orientation import Orientation


def shown(array: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """The picture (height, width[, 3]) as shown: mirrored left-right first, then turned clockwise. A view, no copy."""
    mirrored = array[:, ::-1] if orientation.mirrored else array
    return np.rot90(mirrored, -orientation.quarter_turns)
