"""A picture as the reconciler sees it, and why a file does not give one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.vocabulary import FindingCode


class SourceWanting(Exception):
    """The source itself does not give this picture; `code` is the finding it was declared under."""

    def __init__(self, code: FindingCode, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)

    def __reduce__(self) -> tuple[type[SourceWanting], tuple[FindingCode, str]]:
        return type(self), (self.code, self.detail)


@dataclass(frozen=True, slots=True)
class GreyWindow:
    """Center and width in the device's units; `function` is LINEAR where the file names none."""

    center: float
    width: float
    explanation: str
    function: str


@dataclass(frozen=True, slots=True)
class GreyTable:
    """A look-up table: `entries` are 16-bit little-endian words of which `bits` mean something, from `first` on."""

    first: int
    bits: int
    entries: bytes
    explanation: str


@dataclass(frozen=True, slots=True)
class Shown:
    """How a file wants its samples shown: `modality` and `rescale` (slope, intercept) lead to the device's units, on
    which windows and `tables` (VOI LUTs) work; `spacing` is millimetres between rows and between columns.
    """

    windows: tuple[GreyWindow, ...] = ()
    rescale: tuple[float, float] | None = None
    modality: GreyTable | None = None
    tables: tuple[GreyTable, ...] = ()
    spacing: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Samples as stored, (h, w) or (h, w, 3), and what a viewer needs to know of them.

    `bits_allocated` is 8 or 16; `low_is_white` is MONOCHROME1; `shown` is what the file says of showing it;
    `exif` is the orientation 1-8 that a photo states for itself, not applied to `samples`.
    `format` is dicom, jpeg, png, tiff, jpeg2000 or bmp.
    """

    samples: NDArray[Any]
    bits_allocated: int
    bits_stored: int
    format: str
    low_is_white: bool = False
    signed: bool = False
    shown: Shown = Shown()
    exif: int = 1

    @property
    def window(self) -> tuple[float, float] | None:
        """(center, width) of the first window."""
        return (self.shown.windows[0].center, self.shown.windows[0].width) if self.shown.windows else None

    @property
    def is_colour(self) -> bool:
        return self.samples.ndim == 3

    @property
    def keeps_bytes(self) -> bool:
        """Whether a hash over pixels covers bytes: 8-bit colour does, everything else is widened to words."""
        return self.is_colour and self.bits_allocated == 8

    def words(self) -> NDArray[Any]:
        """The samples as unsigned 16-bit words, as a target keeps them; signed ones in two's complement."""
        return self.samples.astype("<u2", copy=False)

    def covered(self) -> memoryview:
        """The bytes an integrity hash over pixels covers."""
        return covered(self.samples, keep_bytes=self.keeps_bytes)

    def with_low_black(self) -> Picture:
        """What a viewer shows of it, for formats that cannot say that low values are white."""
        if not self.low_is_white:
            return self
        lowest_and_highest = -1 if self.signed else (1 << self.bits_stored) - 1
        return replace(self, samples=lowest_and_highest - self.samples, low_is_white=False)


def covered(samples: NDArray[Any], *, keep_bytes: bool) -> memoryview:
    """Samples row by row as unsigned 16-bit little-endian words, or as bytes; no copy if they stand like that."""
    plain = np.ascontiguousarray(samples.astype(np.uint8 if keep_bytes else "<u2", copy=False))
    return plain.reshape(-1).view(np.uint8).data
