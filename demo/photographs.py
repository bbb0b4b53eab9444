"""Colour photographs. No free set of dental photographs exists, so true colour is laid over real radiograph structure:
red, green and blue are three different cuts of a real radiograph, weighted towards the colours of a mouth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from demo.radiographs import Radiograph

Colour = NDArray[np.uint8]

_TINTS = ((1.0, 0.72, 0.66), (0.98, 0.86, 0.74), (0.82, 0.55, 0.52), (0.93, 0.80, 0.80))
_STAMP_BITS, _BLOCK = 32, 8


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph to make: `scene` picks one of a few colourings; `stamp` numbers it in blocks that JPEG keeps."""

    width: int
    height: int
    scene: int
    stamp: int
    grey: bool = False

    def pixels(self) -> Colour:
        """(height, width, 3) in red, green, blue; (height, width) if grey."""
        pixels = _scene(self.width, self.height, self.scene % len(_TINTS)).copy()
        bits = ((self.stamp >> np.arange(_STAMP_BITS)) & 1).astype(np.uint8) * 255
        pixels[:_BLOCK, : _STAMP_BITS * _BLOCK] = np.repeat(bits, _BLOCK)[None, :, None]
        return np.ascontiguousarray(pixels[:, :, 1]) if self.grey else pixels


@cache
def _scene(width: int, height: int, scene: int) -> Colour:
    cuts = [_cut(width, height, original, turn + scene) for turn, original in enumerate(("RG1", "RG3", "RG1"))]
    layers = [cut * tint for cut, tint in zip(cuts, _TINTS[scene], strict=True)]
    return np.stack(layers, axis=-1).clip(0, 255).astype(np.uint8)


def _cut(width: int, height: int, original: str, turn: int) -> NDArray[np.float32]:
    picture = Radiograph(original, width, height, 10, "MONOCHROME2", 90 * (turn % 4), False, 0).pixels()
    return (picture / 4).astype(np.float32)
