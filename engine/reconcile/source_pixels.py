"""What a source file shows, seen with own eyes: own DICOM parsing, GDCM for compressed DICOM, Pillow for the rest."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from engine.reconcile.colour import palette_shown, rgb_of_ybr, side_by_side
from engine.reconcile.compressed import frame_of
from engine.reconcile.deep_png import deep_colour, is_deep_colour
from engine.reconcile.dicom_reader import (
    UNCOMPRESSED,
    DicomPicture,
    DicomTruncated,
    DicomUnreadable,
    is_dicom,
    read_dicom,
)
from protocol.vocabulary import FindingCode

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
_JPEG_HEAD = 1024  # bytes within which an Adobe segment says how colour is coded; without one the header says it
_SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
_ROWS, _COLUMNS, _ALLOCATED, _STORED = 0x00280010, 0x00280011, 0x00280100, 0x00280101
_HIGH_BIT, _SIGNED = 0x00280102, 0x00280103
_CENTER, _WIDTH = 0x00281050, 0x00281051


class SourceWanting(Exception):
    """The source itself does not give this picture; `code` is the finding it was declared under."""

    def __init__(self, code: FindingCode, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)

    def __reduce__(self) -> tuple[type[SourceWanting], tuple[FindingCode, str]]:
        return type(self), (self.code, self.detail)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Samples as stored, (h, w) or (h, w, 3), and what a viewer needs to know of them.

    `bits_allocated` is 8 or 16; `low_is_white` is MONOCHROME1; `window` is (center, width) in sample values.
    `format` is dicom, jpeg, png, tiff, jpeg2000 or bmp.
    """

    samples: NDArray[Any]
    bits_allocated: int
    bits_stored: int
    format: str
    low_is_white: bool = False
    signed: bool = False
    window: tuple[float, float] | None = None

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


def covered(samples: NDArray[Any], *, keep_bytes: bool) -> memoryview:
    """Samples row by row as unsigned 16-bit little-endian words, or as bytes; no copy if they stand like that."""
    plain = np.ascontiguousarray(samples.astype(np.uint8 if keep_bytes else "<u2", copy=False))
    return plain.reshape(-1).view(np.uint8).data


def look_at(data: bytes, path: Path) -> Picture:
    """The picture in a source file's bytes; `path` is where they came from. Raises SourceWanting."""
    if not data:
        raise SourceWanting(FindingCode.EMPTY_FILE, "the file has no bytes")
    if is_dicom(data):
        return _dicom(data, path)
    return look_at_photo(data)


def look_at_photo(data: bytes) -> Picture:
    """The picture in a JPEG, PNG, TIFF, JPEG 2000 or BMP file. Raises SourceWanting."""
    try:
        with Pillow.open(io.BytesIO(data)) as image:
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                raise SourceWanting(FindingCode.MULTIFRAME, "several frames in one file")
            image.load()
            return _deep_colour(data) if is_deep_colour(data) else _from_pillow(image)
    except UnidentifiedImageError as problem:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "not a picture") from problem
    except (OSError, SyntaxError, ValueError, EOFError) as problem:
        raise SourceWanting(FindingCode.TRUNCATED, "the file ends too early") from problem


def _deep_colour(data: bytes) -> Picture:
    return Picture(deep_colour(data), 16, 16, "png")


def _from_pillow(image: Pillow.Image) -> Picture:
    form = {"MPO": "jpeg"}.get(image.format or "", (image.format or "").lower())
    if image.mode in ("I;16", "I;16L", "I;16B", "I"):
        return Picture(np.asarray(image).astype(np.uint16), 16, 16, form)
    mode = "L" if image.mode in ("L", "1", "LA") else "RGB"
    return Picture(np.asarray(image if image.mode == mode else image.convert(mode)), 8, 8, form)


def _dicom(data: bytes, path: Path) -> Picture:
    try:
        dicom = read_dicom(data)
    except DicomTruncated as problem:
        raise SourceWanting(FindingCode.TRUNCATED, str(problem)) from problem
    except DicomUnreadable as problem:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, str(problem)) from problem
    if dicom.number(_FRAMES, 1) > 1:
        raise SourceWanting(FindingCode.MULTIFRAME, "several frames in one file")
    return _pictured(dicom, path)


def _pictured(dicom: DicomPicture, path: Path) -> Picture:
    photometric, allocated = dicom.text(_PHOTOMETRIC), dicom.number(_ALLOCATED, 16)
    samples = _samples(dicom, path)
    if photometric == "PALETTE COLOR":
        return _palette(dicom, samples)
    center, width = dicom.decimals(_CENTER), dicom.decimals(_WIDTH)
    stored, signed = dicom.number(_STORED, allocated), dicom.number(_SIGNED, 0) == 1
    return Picture(
        _significant(samples, stored, dicom.number(_HIGH_BIT, stored - 1), signed),
        allocated,
        stored,
        "dicom",
        low_is_white=photometric == "MONOCHROME1",
        signed=signed,
        window=(center[0], width[0]) if center and width else None,
    )


def _significant(samples: NDArray[Any], stored: int, high_bit: int, signed: bool) -> NDArray[Any]:
    """The `stored` bits up to `high_bit` of each sample, as a number: what else a word holds is not part of it."""
    size = samples.dtype.itemsize
    above, below = size * 8 - 1 - high_bit, size * 8 - stored
    if not below and not signed:
        return samples
    return (samples.view(f"u{size}") << above).view(f"{'i' if signed else 'u'}{size}") >> below


def _palette(dicom: DicomPicture, indices: NDArray[Any]) -> Picture:
    try:
        shown = palette_shown(dicom, indices)
    except KeyError as problem:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "colours by palette, and no plain palette") from problem
    bits = shown.dtype.itemsize * 8
    return Picture(shown, bits, bits, "dicom")


def _samples(dicom: DicomPicture, path: Path) -> NDArray[Any]:
    if dicom.syntax not in UNCOMPRESSED:
        return _unpacked(dicom, path)
    flat, shape = _flat(dicom), (dicom.number(_ROWS, 0), dicom.number(_COLUMNS, 0))
    if dicom.number(_SAMPLES, 1) == 1:
        return flat.reshape(shape)
    colour = side_by_side(flat, shape, planar=dicom.number(_PLANAR, 0) == 1)
    return rgb_of_ybr(colour) if dicom.text(_PHOTOMETRIC) == "YBR_FULL" else colour


def _flat(dicom: DicomPicture) -> NDArray[Any]:
    """All samples in a row, as unsigned words or bytes. Raises SourceWanting if there are fewer than promised."""
    allocated = dicom.number(_ALLOCATED, 16)
    if allocated not in (8, 16) or dicom.pixel_data is None:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, f"{allocated} bits a sample, or no pixel data")
    count = dicom.number(_ROWS, 0) * dicom.number(_COLUMNS, 0) * dicom.number(_SAMPLES, 1)
    if not count:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "a picture without rows or columns")
    if len(dicom.pixel_data) < count * allocated // 8:
        raise SourceWanting(FindingCode.TRUNCATED, "fewer samples than rows and columns promise")
    kind = np.dtype(np.uint8) if allocated == 8 else np.dtype(">u2" if dicom.big_endian else "<u2")
    return np.frombuffer(dicom.pixel_data, kind, count).astype(kind.newbyteorder("="), copy=False)


def _unpacked(dicom: DicomPicture, path: Path) -> NDArray[Any]:
    frame = b"".join(bytes(piece) for piece in dicom.fragments)
    if dicom.syntax == JPEG_BASELINE and (dicom.text(_PHOTOMETRIC) != "RGB" or b"Adobe" in frame[:_JPEG_HEAD]):
        return look_at_photo(frame).samples
    try:
        return frame_of(path)
    except ValueError as problem:
        raise SourceWanting(FindingCode.TRUNCATED, str(problem)) from problem
