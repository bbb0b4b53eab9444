"""Radiographs of sensor size, cut from the two real radiographs of the `pydicom-data` wheel.

The pixels are real; the anatomy is not dental (no public dental set of this quality exists). Where a sensor is larger
than the picture, the picture continues by reflection at its edge: a panoramic of 2976 x 1536 shows it almost twice.
Depths other than the original 15 and 10 bits are made by shifting, MONOCHROME2 by subtracting from the largest value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import data_store
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread

Grey = NDArray[np.uint16]

ORIGINAL_BITS = {"RG1": 15, "RG3": 10}
_STAMP_BITS = 32


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A radiograph to make. `width` and `height` are as stored; `rotation` (degrees clockwise), then `mirrored`
    left-right, make it upright again. `stamp` numbers it: no two stamps give equal pixels.
    """

    original: str
    width: int
    height: int
    bits: int
    photometric: str
    rotation: int
    mirrored: bool
    stamp: int

    def pixels(self) -> Grey:
        """(height, width) values below 2 ** bits."""
        turned = np.ascontiguousarray(_stored(self._upright(), self.rotation, self.mirrored))
        return _stamped(turned, self.stamp, (1 << self.bits) - 1)

    def _upright(self) -> Grey:
        sideways = self.rotation % 180 != 0
        size = (self.width, self.height) if sideways else (self.height, self.width)
        return _base(self.original, size, self.bits, self.photometric)


def _base(original: str, size: tuple[int, int], bits: int, photometric: str) -> Grey:
    """The upright picture of `size` (rows, columns) in the depth and photometric interpretation wanted."""
    picture, shift = _cut(original, size), bits - ORIGINAL_BITS[original]
    values = np.left_shift(picture, shift) if shift >= 0 else np.right_shift(picture, -shift)
    return values if photometric == "MONOCHROME1" else np.subtract((1 << bits) - 1, values, dtype=np.uint16)


@cache
def _original(name: str) -> Grey:
    path = Path(data_store.__file__).parent / "data" / f"{name}_UNCR.dcm"
    header = dcmread(path)
    values = np.frombuffer(header.PixelData, dtype="<u2").reshape(header.Rows, header.Columns)
    return values.astype(np.uint16)


@cache
def _cut(original: str, size: tuple[int, int]) -> Grey:
    """The middle of the original, of `size` (rows, columns), continued by reflection where it ends."""
    picture = _original(original)
    lacking = [(0, max(0, wanted - there)) for wanted, there in zip(size, picture.shape, strict=True)]
    whole = np.pad(picture, lacking, mode="reflect")
    top, left = ((there - wanted) // 2 for wanted, there in zip(size, whole.shape, strict=True))
    return whole[top : top + size[0], left : left + size[1]]


def _stored(upright: Grey, rotation: int, mirrored: bool) -> Grey:
    """The picture that becomes `upright` when turned clockwise by `rotation` and then mirrored left-right."""
    return np.rot90(np.fliplr(upright) if mirrored else upright, rotation // 90)


def _stamped(pixels: Grey, number: int, brightest: int) -> Grey:
    """`number` in binary along the upper edge, as black and white pixels."""
    bits = (number >> np.arange(_STAMP_BITS)) & 1
    pixels = pixels.copy()
    pixels[0, :_STAMP_BITS] = bits * brightest
    return pixels
