"""A DICOM file's dataset, read by pydicom up to the pixels, and the pixels' own bytes as a view of the file.

pydicom only parses; it never decodes a frame here, so it cannot choose a decoder by itself.
"""

from __future__ import annotations

import io
import logging
import warnings
import zlib
from dataclasses import dataclass, field
from typing import Any

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from engine.imaging.limits import MAX_INFLATED_BYTES
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

PREAMBLE, MAGIC = 128, b"DICM"
_PIXEL_DATA, _FLOAT_PIXELS = 0x7FE00010, frozenset({0x7FE00008, 0x7FE00009})
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset({"OB", "OW", "UN", "OF", "OD"})
_STEP = 1 << 16  # bytes inflated at once where only their number is asked for
_META_BYTES = 4096  # bytes searched for the deflated transfer syntax; file meta information is a few hundred

# A file is judged by its content here. pydicom's own complaints quote values, so they go nowhere.
config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").propagate = False


@dataclass(frozen=True, slots=True)
class DicomFile:
    """Everything before the pixels, and the pixels' bytes; `encapsulated` if those are fragments."""

    dataset: Dataset
    transfer_syntax: str
    big_endian: bool
    vr: str
    encapsulated: bool
    pixel_data: memoryview


@dataclass(slots=True)
class _PixelElement:
    """The header of the pixel data element, noted when the parser reaches it."""

    tag: int = 0
    vr: str | None = None
    size: int = field(default=0)

    def reached(self, tag: BaseTag, vr: str | None, size: int) -> bool:
        if tag == _PIXEL_DATA or tag in _FLOAT_PIXELS:
            self.tag, self.vr, self.size = int(tag), vr, size
            return True
        return False


def read_dicom(data: bytes) -> DicomFile:
    """The dataset and pixel bytes of a DICOM file, with or without preamble and file meta information.

    Raises ImageProblem UNREADABLE_FILE, TRUNCATED, TOO_LARGE or NO_DECODER.
    """
    element = _PixelElement()
    with foreign("the DICOM dataset"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inflated = _inflated(data)
        source = io.BytesIO(data if inflated is None else inflated)
        if inflated is None:
            dataset: Any = read_partial(source, element.reached, force=True)
            syntax, little = _encoding(dataset)
        else:
            dataset = read_dataset(source, False, True, stop_when=element.reached)
            syntax, little = str(DeflatedExplicitVRLittleEndian), True
    _require_pixels(dataset, element)
    start = source.tell() + (12 if element.vr in _LONG_VRS else 8)
    view = memoryview(data if inflated is None else inflated)
    encapsulated = element.size == _UNDEFINED
    pixels = view[start:] if encapsulated else view[start : start + element.size]
    return DicomFile(dataset, syntax, not little, element.vr or "OW", encapsulated, pixels)


def _encoding(dataset: Any) -> tuple[str, bool]:
    """Transfer syntax and whether it is little endian; a file without one was guessed by pydicom."""
    little = bool(dataset.original_encoding[1])
    guess = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    return str(dataset.file_meta.get("TransferSyntaxUID", guess)), little


def _inflated(data: bytes) -> bytes | None:
    """The dataset of a deflated file; None for any other."""
    if str(DeflatedExplicitVRLittleEndian).encode() not in data[:_META_BYTES]:
        return None
    source = io.BytesIO(data)
    source.seek(PREAMBLE + len(MAGIC))
    meta = read_dataset(source, False, True, stop_when=lambda tag, vr, size: tag.group != 2)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return None
    packed = memoryview(data)[source.tell() :]
    _require_to_inflate(packed)
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = stream.decompress(packed)
    if not stream.eof:
        raise ImageProblem(FindingCode.TRUNCATED, "the deflated dataset has no end")
    return inflated


def _require_to_inflate(packed: memoryview) -> None:
    """Raises ImageProblem TOO_LARGE for what inflates beyond the limit; none of it is kept to find that out."""
    stream, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    for start in range(0, len(packed), _STEP):
        rest: bytes | memoryview = packed[start : start + _STEP]
        while rest and not stream.eof:  # behind the end a byte may fill the file up to an even length
            size += len(stream.decompress(rest, _STEP))
            rest = stream.unconsumed_tail
            if size > MAX_INFLATED_BYTES:
                raise ImageProblem(FindingCode.TOO_LARGE, f"inflates to more than {MAX_INFLATED_BYTES} bytes")


def _require_pixels(dataset: Any, element: _PixelElement) -> None:
    if element.tag in _FLOAT_PIXELS:
        raise ImageProblem(FindingCode.NO_DECODER, "floating-point pixels")
    if element.tag == 0 and "Rows" in dataset:
        raise ImageProblem(FindingCode.TRUNCATED, "the file ends before its pixel data")
    if element.tag == 0:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "a DICOM object without a picture")
