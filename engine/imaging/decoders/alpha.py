"""Transparency: no target holds it, so a picture may have it only where it changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode


def without_alpha(array: NDArray[Any], what: str) -> NDArray[Any]:
    """(h, w) or (h, w, 3) of a picture whose last channel of two or four is how opaque a pixel is.

    Any other picture is returned as it is. Raises ImageProblem NO_DECODER if a pixel is not wholly opaque.
    """
    if array.ndim != 3 or array.shape[2] not in (2, 4):
        return array
    if (array[..., -1] != np.iinfo(array.dtype).max).any():
        raise ImageProblem(FindingCode.NO_DECODER, f"{what} with transparent pixels, which would be lost")
    return np.ascontiguousarray(array[..., 0] if array.shape[2] == 2 else array[..., :3])
