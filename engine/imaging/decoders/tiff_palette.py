"""Palette colour of a TIFF page (TIFF 6.0, section 5): indices looked up in its map of 16-bit colours."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders.tiff_tags import Tags, first
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

_BITS, _MAP = 258, 320
_BYTE_SPREAD: Final = 257  # v * 257 is v of 8 bits spread over 16
_LARGEST_BYTE: Final = 255


def require_map(tags: Tags) -> None:
    """Raises ImageProblem for a map that does not name every index, or whose depth nobody can tell."""
    numbers = tags.get(_MAP, ())
    if len(numbers) != 3 << first(tags, _BITS, 1):
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"a TIFF palette of {len(numbers)} numbers")
    if 0 < max(numbers) <= _LARGEST_BYTE:
        raise ImageProblem(FindingCode.NO_DECODER, "a TIFF palette nearly black, or of 8 bits where 16 are the rule")


def to_rgb(samples: NDArray[Any], tags: Tags) -> NDArray[Any]:
    """(h, w) indices, those below 8 bits spread over 8, as (h, w, 3): 8 bits where the map has no more, else 16."""
    depth = first(tags, _BITS, 1)
    colours: NDArray[Any] = np.array(tags[_MAP], np.uint16).reshape(3, -1).T
    if not (colours % _BYTE_SPREAD).any():
        colours = (colours // _BYTE_SPREAD).astype(np.uint8)
    indices = samples // (255 // ((1 << depth) - 1)) if depth < 8 else samples
    return colours.take(indices, axis=0)
