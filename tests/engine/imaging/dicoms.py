"""Makes DICOM files for tests: one picture in any encoding, written by pydicom, compressed by imagecodecs."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

STANDARD = "1.2.840.10008.1.2"
IMPLICIT, EXPLICIT, DEFLATED, BIG = STANDARD, f"{STANDARD}.1", f"{STANDARD}.1.99", f"{STANDARD}.2"
JPEG_BASELINE, JPEG_LOSSLESS, JPEG_SV1 = f"{STANDARD}.4.50", f"{STANDARD}.4.57", f"{STANDARD}.4.70"
JPEG_LS, JPEG_LS_NEAR, J2K, J2K_LOSSY = (f"{STANDARD}.4.{number}" for number in (80, 81, 90, 91))
HTJ2K, RLE = f"{STANDARD}.4.201", f"{STANDARD}.5"
UNCOMPRESSED = (IMPLICIT, EXPLICIT, DEFLATED, BIG)
LOSSLESS = (*UNCOMPRESSED, JPEG_LOSSLESS, JPEG_SV1, JPEG_LS, J2K, RLE)
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def _unsigned(array: NDArray[Any], bits: int) -> NDArray[Any]:
    """Two's complement bits as unsigned samples, as JPEG's codestreams hold them."""
    return np.bitwise_and(array.view(f"<u{array.dtype.itemsize}"), (1 << bits) - 1)


def _jpeg(predictor: int) -> Callable[[NDArray[Any], int], bytes]:
    def compress(array: NDArray[Any], bits: int) -> bytes:
        precision = max(2, bits) if array.dtype.itemsize == 1 else max(9, bits)
        stored = _unsigned(array, bits) if array.dtype.kind == "i" else array
        colour = {"colorspace": "RGB", "outcolorspace": "RGB"} if array.ndim == 3 else {}
        return imagecodecs.jpeg8_encode(
            np.ascontiguousarray(stored), lossless=True, predictor=predictor, bitspersample=precision, **colour
        )

    return compress


_COMPRESSORS: Mapping[str, Callable[[NDArray[Any], int], bytes]] = {
    JPEG_LOSSLESS: _jpeg(4),
    JPEG_SV1: _jpeg(1),
    JPEG_LS: lambda array, bits: imagecodecs.jpegls_encode(_unsigned(array, 8 * array.dtype.itemsize)),
    J2K: lambda array, bits: imagecodecs.jpeg2k_encode(
        array, level=0, reversible=True, codecformat="j2k", bitspersample=bits, mct=False
    ),
    JPEG_BASELINE: lambda array, bits: imagecodecs.jpeg8_encode(array, 95),
}


def frame(array: NDArray[Any], bits: int, syntax: str) -> bytes:
    """One frame, compressed."""
    return _COMPRESSORS[syntax](array, bits)


def dataset(array: NDArray[Any], bits: int, photometric: str, **more: object) -> Dataset:
    """The image module of one picture, without its pixels."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = SECONDARY_CAPTURE, "2.25.1"
    made.Rows, made.Columns = array.shape[:2]
    made.SamplesPerPixel = 3 if array.ndim == 3 else 1
    made.PhotometricInterpretation = photometric
    if array.ndim == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 8 * array.dtype.itemsize, bits, bits - 1
    made.PixelRepresentation = int(array.dtype.kind == "i")
    for name, value in more.items():
        made.update(value) if name == "elements" else setattr(made, name, value)
    return made


def dicom(array: NDArray[Any], bits: int, photometric: str, syntax: str, **more: object) -> bytes:
    """A whole file holding `array`. `more` sets or overrides attributes, PixelData too; `elements` adds a data set."""
    made = dataset(array, bits, photometric, **more)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = SECONDARY_CAPTURE, "2.25.1"
    if "PixelData" not in more:
        _add_pixels(made, array, bits, syntax)
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.save_as(target, enforce_file_format=True, **_form(syntax))
    return target.getvalue()


def _add_pixels(made: Dataset, array: NDArray[Any], bits: int, syntax: str) -> None:
    if syntax == RLE:
        made.PixelData = encapsulate([_run_length(array)])
    elif syntax in _COMPRESSORS:
        made.PixelData = encapsulate([frame(array, bits, syntax)])
    else:
        raw = array.astype(array.dtype.newbyteorder(">" if syntax == BIG else "<")).tobytes()
        made.PixelData = raw + b"\0" * (len(raw) % 2)
    made["PixelData"].VR = "OB" if syntax in _COMPRESSORS or array.dtype.itemsize == 1 else "OW"


def _run_length(array: NDArray[Any]) -> bytes:
    """PS3.5 annex G: one segment for each byte of each sample, the high byte first."""
    flat = np.ascontiguousarray(array).reshape(*array.shape[:2], -1, 1).view(np.uint8)
    planes = [flat[:, :, sample, byte] for sample in range(flat.shape[2]) for byte in reversed(range(flat.shape[3]))]
    segments = [bytes(imagecodecs.packbits_encode(plane.tobytes())) for plane in planes]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = list(accumulate((len(segment) for segment in segments[:-1]), initial=64))
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(offsets))) + b"".join(segments)


def _form(syntax: str) -> dict[str, bool]:
    return {"implicit_vr": syntax == IMPLICIT, "little_endian": syntax != BIG}
