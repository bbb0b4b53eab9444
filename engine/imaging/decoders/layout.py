"""What a DICOM header says of its one frame, and what a codec makes of the frame's bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from engine.imaging.decoders.availability import Availability
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode


@dataclass(frozen=True, slots=True)
class Layout:
    """One frame: `rows` x `columns` pixels of `samples` samples, each `bits_stored` bits ending at `high_bit`.

    `planar` is the planar configuration; `big_endian` and `vr` say how uncompressed words are written.
    """

    transfer_syntax: str
    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    big_endian: bool
    vr: str

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns) or (rows, columns, samples)."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One frame's stored samples, (rows, columns[, samples]). `lossy` if the encoding lost something; `rgb` if a YBR
    frame came out as RGB already.
    """

    array: NDArray[Any]
    lossy: bool = False
    rgb: bool = False


@dataclass(frozen=True, slots=True)
class Codec:
    """How frames of one or more transfer syntaxes are decoded, and whether the library for it is here."""

    decode: Callable[[bytes, Layout], Decoded]
    is_available: Callable[[], Availability]


def require_agreement(layout: Layout, height: int, width: int, samples: int) -> None:
    """Raises ImageProblem UNREADABLE_FILE where a codestream holds another picture than the DICOM header says."""
    if (height, width, samples) != (layout.rows, layout.columns, layout.samples):
        raise ImageProblem(
            FindingCode.UNREADABLE_FILE,
            f"the data holds {width}x{height}x{samples}, "
            f"the header says {layout.columns}x{layout.rows}x{layout.samples}",
        )
