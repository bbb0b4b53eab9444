"""DICOM files: one frame, 1 to 16 bits, grey, colour, YBR or palette, in any encoding a codec is registered for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders import jpeg2000_frame, jpeg_frame, jpeg_ls, palette, rle, samples, uncompressed
from engine.imaging.decoders.dicom_file import MAGIC, PREAMBLE, DicomFile, read_dicom
from engine.imaging.decoders.encapsulated import frame_of
from engine.imaging.decoders.layout import Codec, Decoded, Layout
from engine.imaging.limits import require_dimensions, require_frames
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Pixels, Window
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "dicom"
_STANDARD = "1.2.840.10008.1.2"
_UNCOMPRESSED = Codec(uncompressed.decode, uncompressed.is_available)
_JPEG = Codec(jpeg_frame.decode, jpeg_frame.is_available)
_JPEG_LS = Codec(jpeg_ls.decode, jpeg_ls.is_available)
_JPEG_2000 = Codec(jpeg2000_frame.decode, jpeg2000_frame.is_available)
# What a file without a preamble begins with: a group length, or one of the first elements, in either byte order.
_FIRST_TAGS = frozenset(
    {b"\x02\0\0\0", b"\x08\0\0\0", b"\x08\0\x01\0", b"\x08\0\x05\0", b"\x08\0\x08\0", b"\0\x08\0\x05"}
)
CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        _STANDARD: _UNCOMPRESSED,  # implicit VR little endian
        f"{_STANDARD}.1": _UNCOMPRESSED,  # explicit VR little endian
        f"{_STANDARD}.1.99": _UNCOMPRESSED,  # deflated
        f"{_STANDARD}.2": _UNCOMPRESSED,  # explicit VR big endian
        f"{_STANDARD}.4.50": _JPEG,  # baseline
        f"{_STANDARD}.4.51": _JPEG,  # extended, 8 and 12 bits
        f"{_STANDARD}.4.57": _JPEG,  # lossless, process 14
        f"{_STANDARD}.4.70": _JPEG,  # lossless, process 14, first-order prediction
        f"{_STANDARD}.4.80": _JPEG_LS,  # lossless
        f"{_STANDARD}.4.81": _JPEG_LS,  # near-lossless
        f"{_STANDARD}.4.90": _JPEG_2000,  # reversible only
        f"{_STANDARD}.4.91": _JPEG_2000,
        f"{_STANDARD}.4.201": _JPEG_2000,  # high throughput, reversible only
        f"{_STANDARD}.4.202": _JPEG_2000,  # high throughput, reversible only, resolution order
        f"{_STANDARD}.4.203": _JPEG_2000,  # high throughput
        f"{_STANDARD}.5": Codec(rle.decode, rle.is_available),
    }
)
# SOP classes whose several frames are one volume.
_STORAGE = "1.2.840.10008.5.1.4.1.1"
_VOLUMES = frozenset(
    f"{_STORAGE}.{suffix}"
    for suffix in ("2.1", "2.2", "4.1", "4.3", "4.4", "6.2", "13.1.1", "13.1.2", "13.1.3", "128.1", "130", "481.2")
)
_GREY = frozenset({MONOCHROME1, MONOCHROME2})
_YBR = frozenset({"YBR_FULL", "YBR_FULL_422"})
_SAMPLES = {**dict.fromkeys(_GREY | {"PALETTE COLOR"}, 1), **dict.fromkeys(_YBR | {RGB, "YBR_RCT", "YBR_ICT"}, 3)}


def matches(data: bytes) -> bool:
    """Whether the content is DICOM: the magic word, or, without a preamble, a first tag in group 2 or 8."""
    if data[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC:
        return True
    return data[:4] in _FIRST_TAGS


def encoding(data: bytes) -> str:
    """The format and transfer syntax. Raises ImageProblem."""
    return f"{FORMAT} {read_dicom(data).transfer_syntax}"


def is_available(encoding: str) -> bool:
    """Whether files of this encoding (format and transfer syntax) can be decoded on this machine."""
    codec = CODECS.get(encoding.partition(" ")[2])
    return codec is not None and codec.is_available()


def decode(data: bytes) -> Pixels:
    """The one picture in a DICOM file, as stored. Raises ImageProblem."""
    file = read_dicom(data)
    with foreign("the DICOM header"):
        _require_one_picture(file.dataset)
        layout = _layout(file)
        window = _pair(file.dataset, "WindowCenter", "WindowWidth")
        rescale = _pair(file.dataset, "RescaleSlope", "RescaleIntercept")
        declared_lossy = str(file.dataset.get("LossyImageCompression") or "") == "01"
    with foreign("the DICOM picture"):
        decoded = _decoded(file, layout)
        array, bits, photometric = _picture(decoded, layout, file)
    return Pixels(
        np.ascontiguousarray(array),
        bits,
        photometric,
        array.dtype.kind == "i",
        () if window is None else (Window(*window),),
        rescale,
        declared_lossy or decoded.lossy,
        f"{FORMAT} {file.transfer_syntax}",
    )


def _require_one_picture(dataset: Any) -> None:
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1 and str(dataset.get("SOPClassUID")) in _VOLUMES:
        raise ImageProblem(FindingCode.VOLUME, f"a volume of {frames} frames")
    require_frames(frames)
    require_dimensions(int(dataset.Columns), int(dataset.Rows))


def _layout(file: DicomFile) -> Layout:
    dataset = file.dataset
    bits = int(dataset.BitsAllocated)
    stored = int(dataset.get("BitsStored") or bits)
    layout = Layout(
        file.transfer_syntax,
        int(dataset.Rows),
        int(dataset.Columns),
        int(dataset.get("SamplesPerPixel") or 1),
        str(dataset.PhotometricInterpretation),
        bits,
        stored,
        int(dataset.get("HighBit", stored - 1)),
        int(dataset.get("PixelRepresentation") or 0) == 1,
        int(dataset.get("PlanarConfiguration") or 0) == 1,
        file.big_endian,
        file.vr,
    )
    _require_known_form(layout)
    return layout


def _require_known_form(layout: Layout) -> None:
    if layout.bits_allocated not in (1, 8, 16):
        raise ImageProblem(FindingCode.NO_DECODER, f"{layout.bits_allocated} bits per sample")
    if layout.photometric not in _SAMPLES:
        raise ImageProblem(FindingCode.NO_DECODER, f"photometric interpretation {layout.photometric[:16]}")
    if layout.samples != _SAMPLES[layout.photometric]:
        detail = f"{layout.samples} samples per pixel cannot be {layout.photometric}"
        raise ImageProblem(FindingCode.UNREADABLE_FILE, detail)
    if not 1 <= layout.bits_stored <= layout.high_bit + 1 <= layout.bits_allocated:
        detail = f"{layout.bits_stored} bits up to bit {layout.high_bit} of {layout.bits_allocated}"
        raise ImageProblem(FindingCode.UNREADABLE_FILE, detail)


def _decoded(file: DicomFile, layout: Layout) -> Decoded:
    if not is_available(f"{FORMAT} {file.transfer_syntax}"):
        raise ImageProblem(FindingCode.NO_DECODER, f"transfer syntax {file.transfer_syntax[:64]}")
    codec = CODECS[file.transfer_syntax]
    if file.encapsulated != (codec is not _UNCOMPRESSED):
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "the pixel data is not in the form of its transfer syntax")
    if codec is _UNCOMPRESSED:
        return uncompressed.decode(file.pixel_data, layout)
    return codec.decode(frame_of(file.pixel_data), layout)


def _picture(decoded: Decoded, layout: Layout, file: DicomFile) -> tuple[NDArray[Any], int, str]:
    """Array, bits stored and photometric interpretation in the form of `Pixels`."""
    array = samples.normalised(decoded.array, layout)
    if layout.photometric == "PALETTE COLOR":
        array = palette.to_rgb(array, file.dataset, file.big_endian)
        return array, array.dtype.itemsize * 8, RGB
    if layout.photometric in _YBR and not decoded.rgb:
        return samples.rgb_of_ybr(array), 8, RGB
    return array, layout.bits_stored, layout.photometric if layout.photometric in _GREY else RGB


def _pair(dataset: Any, first: str, second: str) -> tuple[float, float] | None:
    """Two numbers that belong together, the first of each where several are given; None unless both make sense."""
    values = [_number(dataset, first), _number(dataset, second)]
    return (values[0], values[1]) if all(math.isfinite(value) for value in values) else None


def _number(dataset: Any, name: str) -> float:
    try:
        value = dataset.get(name)
        return float(value if isinstance(value, str | float | int) else value[0])
    except (TypeError, ValueError, IndexError, AttributeError):
        return math.nan
