"""DICOM files: one frame, 1 to 16 bits, grey, colour, YBR or palette, in any encoding a codec is registered for.

Windows, rescale and look-up tables for display are carried, never applied; a palette is the picture's own colours and
is looked up. Samples of 32 bits are read where 16 of them or fewer are in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders import jpeg2000_frame, jpeg_frame, jpeg_ls, palette, rle, samples, uncompressed
from engine.imaging.decoders.availability import Availability
from engine.imaging.decoders.beside import beside
from engine.imaging.decoders.dicom_file import MAGIC, PREAMBLE, DicomFile, read_dicom
from engine.imaging.decoders.display import display_of
from engine.imaging.decoders.encapsulated import frame_of
from engine.imaging.decoders.layout import Codec, Decoded, Layout
from engine.imaging.limits import require_dimensions, require_frames
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "dicom"
_STANDARD = "1.2.840.10008.1.2"
_UNCOMPRESSED = Codec(uncompressed.decode, uncompressed.is_available)
_JPEG = Codec(jpeg_frame.decode, jpeg_frame.is_available)
_JPEG_LS = Codec(jpeg_ls.decode, jpeg_ls.is_available)
_JPEG_2000 = Codec(jpeg2000_frame.decode, jpeg2000_frame.is_available)
# A file without a preamble begins with an element of group 2 or 8, in either byte order.
_FIRST_GROUPS, _FIRST_GROUP_BIG = frozenset({b"\x02\0", b"\x08\0"}), b"\0\x08"
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
_MOST_BITS = 16  # bits of a sample: what `Pixels` and every target hold
_EXTENDED_OFFSET = 8  # bytes for each frame in an extended offset table
_GREY = frozenset({MONOCHROME1, MONOCHROME2})
_YBR = frozenset({"YBR_FULL", "YBR_FULL_422"})
_TRANSFORMED = frozenset({"YBR_RCT", "YBR_ICT"})  # by JPEG 2000 itself, which undoes it
_SAMPLES = {**dict.fromkeys(_GREY | {"PALETTE COLOR"}, 1), **dict.fromkeys(_YBR | _TRANSFORMED | {RGB}, 3)}


def matches(data: bytes) -> bool:
    """Whether the content is DICOM: the magic word, or, without a preamble, an element of group 2 or 8 that fits."""
    if data[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC:
        return True
    is_big = data[:2] == _FIRST_GROUP_BIG
    if not is_big and data[:2] not in _FIRST_GROUPS:
        return False
    is_explicit = data[4:6].isalpha() and data[4:6].isupper()
    return is_explicit or (not is_big and int.from_bytes(data[4:8], "little") < len(data))


def encoding(data: bytes) -> str:
    """The format and transfer syntax. Raises ImageProblem."""
    return f"{FORMAT} {read_dicom(data).transfer_syntax}"


def is_available(encoding: str) -> Availability:
    """Whether files of this encoding (format and transfer syntax) can be decoded on this machine."""
    syntax = encoding.partition(" ")[2]
    codec = CODECS.get(syntax)
    return (
        Availability(f"no codec is known for transfer syntax {syntax[:64]}") if codec is None else codec.is_available()
    )


def decode(data: bytes) -> Pixels:
    """The one picture in a DICOM file, as stored. Raises ImageProblem."""
    file = read_dicom(data)
    with foreign("the DICOM header"):
        _require_one_picture(file.dataset)
        layout = _layout(file)
        shown = display_of(file.dataset, file.big_endian)
        declared_lossy = str(file.dataset.get("LossyImageCompression") or "") == "01"
    with foreign("the DICOM picture"):
        decoded = _decoded(file, layout)
        array, bits, photometric = _picture(decoded, layout, file)
    with foreign("the DICOM header"):
        unplaced = beside(file.dataset, photometric, shown.spacing, array)
    return Pixels(
        np.ascontiguousarray(array),
        bits,
        photometric,
        signed=array.dtype.kind == "i",
        windows=shown.windows,
        rescale=shown.rescale,
        lossy=declared_lossy or decoded.lossy,
        encoding=f"{FORMAT} {file.transfer_syntax}",
        modality_lut=shown.modality_lut,
        voi_luts=shown.voi_luts,
        spacing=shown.spacing,
        beside=unplaced,
    )


def _require_one_picture(dataset: Any) -> None:
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1 and str(dataset.get("SOPClassUID")) in _VOLUMES:
        raise ImageProblem(FindingCode.VOLUME, f"a volume of {frames} frames")
    require_frames(frames)
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "pixel data without rows and columns")
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
    """Raises ImageProblem: NO_DECODER for forms no target holds, UNREADABLE_FILE for contradictions."""
    stored, photometric, allocated = layout.bits_stored, layout.photometric, layout.bits_allocated
    if allocated not in (1, 8, 16, 32) or (allocated == 32 and stored > _MOST_BITS):
        detail = f"{allocated} bits per sample, {stored} of them in use; {_MOST_BITS} is the most"
        raise ImageProblem(FindingCode.NO_DECODER, detail)
    if photometric not in _SAMPLES:
        raise ImageProblem(FindingCode.NO_DECODER, f"photometric interpretation {photometric[:16]}")
    if layout.samples != _SAMPLES[photometric]:
        detail = f"{layout.samples} samples per pixel cannot be {photometric}"
        raise ImageProblem(FindingCode.UNREADABLE_FILE, detail)
    if photometric in _TRANSFORMED and CODECS.get(layout.transfer_syntax) is not _JPEG_2000:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"{photometric} outside JPEG 2000")
    if not 1 <= stored <= layout.high_bit + 1 <= allocated:
        detail = f"{stored} bits up to bit {layout.high_bit} of {allocated}"
        raise ImageProblem(FindingCode.UNREADABLE_FILE, detail)


def _decoded(file: DicomFile, layout: Layout) -> Decoded:
    is_available(f"{FORMAT} {file.transfer_syntax}").require()
    codec = CODECS[file.transfer_syntax]
    if file.encapsulated != (codec is not _UNCOMPRESSED):
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "the pixel data is not in the form of its transfer syntax")
    if codec is _UNCOMPRESSED:
        return uncompressed.decode(file.pixel_data, layout)
    require_frames(len(file.dataset.get("ExtendedOffsetTable") or b"") // _EXTENDED_OFFSET)
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
