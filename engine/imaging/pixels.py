"""Pixels as values: the one form between every decoder and every encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MONOCHROME1, MONOCHROME2, RGB = "MONOCHROME1", "MONOCHROME2", "RGB"
PHOTOMETRICS = frozenset({MONOCHROME1, MONOCHROME2, RGB})
_DTYPES = frozenset({np.dtype(np.uint8), np.dtype(np.int8), np.dtype("<u2"), np.dtype("<i2")})


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """One picture, exactly as stored: windows, rescale and orientation are carried, never baked in.

    array        (height, width) or (height, width, 3), row-major and contiguous; 8 or 16 bits, little-endian
    bits_stored  meaning bits of a sample, 1-16
    photometric  MONOCHROME1 (low values are white) | MONOCHROME2 | RGB
    signed       samples are two's complement
    window       (center, width) in sample values, or None
    rescale      (slope, intercept) from sample values to the device's units, or None
    lossy        the source itself holds this picture with loss
    encoding     how the source file holds it: "dicom 1.2.840.10008.1.2.1", "png", "jpeg", ...
    exif         EXIF orientation 1-8 of a photo; 1 is upright
    """

    array: NDArray[Any]
    bits_stored: int
    photometric: str
    signed: bool = False
    window: tuple[float, float] | None = None
    rescale: tuple[float, float] | None = None
    lossy: bool = False
    encoding: str = "raw"
    exif: int = 1

    def __post_init__(self) -> None:
        array, samples = self.array, 3 if self.photometric == RGB else 1
        if self.photometric not in PHOTOMETRICS or array.dtype not in _DTYPES or not array.flags.c_contiguous:
            raise ValueError(f"not the form of pixels: {self.photometric}, {array.dtype}")
        if array.shape[2:] != ((3,) if samples == 3 else ()) or array.size == 0:
            raise ValueError(f"{array.shape} is not the shape of a {self.photometric} picture")
        if not 1 <= self.bits_stored <= self.bits_allocated or self.signed != (array.dtype.kind == "i"):
            raise ValueError(f"{self.bits_stored} bits do not fit {array.dtype}")

    @property
    def width(self) -> int:
        return int(self.array.shape[1])

    @property
    def height(self) -> int:
        return int(self.array.shape[0])

    @property
    def samples(self) -> int:
        """Samples per pixel: 1 grey, 3 colour."""
        return 3 if self.photometric == RGB else 1

    @property
    def bits_allocated(self) -> int:
        """8 or 16."""
        return self.array.dtype.itemsize * 8


def words(pixels: Pixels) -> NDArray[np.uint16]:
    """Every sample as an unsigned 16-bit little-endian word, same shape; 8-bit samples widened, never scaled.

    No copy where samples are 16-bit already. Signed samples keep their two's complement bits.
    """
    array = pixels.array
    return array.astype("<u2") if array.dtype.itemsize == 1 else array.view("<u2")


def canonical(pixels: Pixels) -> memoryview:
    """The bytes that stand for a picture whatever file holds it: rows top to bottom, colour interleaved.

    16-bit little-endian words; 8-bit colour stays at 8 bits. No copy where the samples have that form already.
    """
    array = pixels.array if pixels.samples == 3 else words(pixels)
    return array.reshape(-1).view(np.uint8).data
