"""Pixels as values: the one form between every decoder and every encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MONOCHROME1, MONOCHROME2, RGB = "MONOCHROME1", "MONOCHROME2", "RGB"
PROFILE = "colour profile"  # how Pixels.beside names one
PHOTOMETRICS = frozenset({MONOCHROME1, MONOCHROME2, RGB})
_MOST_LUT_BYTES = 1 << 17
_DTYPES = frozenset({np.dtype(np.uint8), np.dtype(np.int8), np.dtype("<u2"), np.dtype("<i2")})


@dataclass(frozen=True, slots=True)
class Window:
    """A linear part of the grey scale to show (DICOM PS3.3 C.11.2): center and width in sample values after rescale.

    `function` is LINEAR, LINEAR_EXACT or SIGMOID; `explanation` is the maker's word for it, such as "HARD".
    """

    center: float
    width: float
    explanation: str = ""
    function: str = "LINEAR"


@dataclass(frozen=True, slots=True)
class Lut:
    """A look-up table as its file gives it (DICOM PS3.3 C.11): entry 0 stands for `first` and every value below it.

    first        sample value of entry 0
    bits         meaning bits of an entry, 1-16
    entries      one 16-bit little-endian word for each entry, 1-65536 of them
    explanation  the maker's word for it
    """

    first: int
    bits: int
    entries: bytes
    explanation: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16 or len(self.entries) % 2 or not 2 <= len(self.entries) <= _MOST_LUT_BYTES:
            raise ValueError(f"no look-up table has {len(self.entries)} bytes of {self.bits}-bit entries")

    @property
    def count(self) -> int:
        """Entries."""
        return len(self.entries) // 2


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """One picture, exactly as stored: windows, rescale and orientation are carried, never baked in.

    array        (height, width) or (height, width, 3), row-major and contiguous; 8 or 16 bits, little-endian
    bits_stored  meaning bits of a sample, 1-16
    photometric  MONOCHROME1 (low values are white) | MONOCHROME2 | RGB
    signed       samples are two's complement
    windows      every window the file offers, the preferred one first
    rescale      (slope, intercept) from sample values to the device's units, or None
    lossy        the source itself holds this picture with loss
    encoding     how the source file holds it: "dicom 1.2.840.10008.1.2.1", "png", "jpeg", ...
    exif         EXIF orientation 1-8 of a photo; 1 is upright
    modality_lut from sample values to the device's units, in place of rescale, or None
    voi_luts     every table the file offers in place of a window, the preferred one first
    spacing      millimetres between the centres of two (rows, columns), or None
    beside       in words, what else the file says of showing or measuring its picture: no target has a place for it
    """

    array: NDArray[Any]
    bits_stored: int
    photometric: str
    signed: bool = False
    windows: tuple[Window, ...] = ()
    rescale: tuple[float, float] | None = None
    lossy: bool = False
    encoding: str = "raw"
    exif: int = 1
    modality_lut: Lut | None = None
    voi_luts: tuple[Lut, ...] = ()
    spacing: tuple[float, float] | None = None
    beside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        array, samples = self.array, 3 if self.photometric == RGB else 1
        if self.photometric not in PHOTOMETRICS or array.dtype not in _DTYPES or not array.flags.c_contiguous:
            raise ValueError(f"not the form of pixels: {self.photometric}, {array.dtype}")
        if array.shape[2:] != ((3,) if samples == 3 else ()) or array.size == 0:
            raise ValueError(f"{array.shape} is not the shape of a {self.photometric} picture")
        if not 1 <= self.bits_stored <= self.bits_allocated or self.signed != (array.dtype.kind == "i"):
            raise ValueError(f"{self.bits_stored} bits do not fit {array.dtype}")

    @property
    def window(self) -> tuple[float, float] | None:
        """(center, width) of the preferred window."""
        return (self.windows[0].center, self.windows[0].width) if self.windows else None

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
