"""PNG files: 1 to 16 bits, grey, colour or palette, interlaced or not. Gamma and colour profile change no sample."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np

from engine.imaging.decoders.alpha import without_alpha
from engine.imaging.decoders.availability import Availability, codec
from engine.imaging.decoders.tiff_tags import exif_orientation
from engine.imaging.limits import require_dimensions
from engine.imaging.pixels import MONOCHROME2, PROFILE, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "png"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TOLD = frozenset({b"IHDR", b"acTL", b"eXIf", b"iCCP"})  # the chunks that are looked into here


def matches(data: bytes) -> bool:
    return data[:8] == _SIGNATURE


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> Availability:
    return codec("PNG")


def decode(data: bytes) -> Pixels:
    """The picture; depths below 8 bits are spread over 8 as the format defines, palettes give their colours.

    Raises ImageProblem, NO_DECODER for pixels that are not wholly opaque.
    """
    is_available(FORMAT).require()
    with foreign("the PNG chunks"):
        chunks = {kind: body for kind, body in _chunks(data) if kind in _TOLD}
        width, height = struct.unpack_from(">II", chunks[b"IHDR"])
    require_dimensions(width, height)
    if b"acTL" in chunks:
        raise ImageProblem(FindingCode.MULTIFRAME, "an animated PNG")
    with foreign("the PNG data"):
        array = np.ascontiguousarray(without_alpha(imagecodecs.png_decode(data), "PNG"))
        photometric = RGB if array.ndim == 3 else MONOCHROME2
        exif = exif_orientation(bytes(chunks.get(b"eXIf", b"")))
        profile = (PROFILE,) if b"iCCP" in chunks else ()
        bits = array.dtype.itemsize * 8
        return Pixels(array, bits, photometric, encoding=FORMAT, exif=exif, beside=profile)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Each chunk's type and body; checksums are libpng's to verify. Raises ImageProblem TRUNCATED at an early end."""
    view, offset, kind = memoryview(data), len(_SIGNATURE), b""
    while kind != b"IEND":
        if offset + 12 > len(data):
            raise ImageProblem(FindingCode.TRUNCATED, f"the PNG ends at offset {len(data)}, before its last chunk")
        size, kind = struct.unpack_from(">I4s", data, offset)
        end = offset + 8 + size
        if end + 4 > len(data):
            raise ImageProblem(FindingCode.TRUNCATED, f"offset {offset}: a PNG chunk of {size} bytes")
        yield kind, view[offset + 8 : end]
        offset = end + 4
