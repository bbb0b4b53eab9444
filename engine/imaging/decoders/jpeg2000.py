"""JPEG 2000 files, as JP2 or as a bare codestream, high throughput (Part 15) too; boxes by ITU-T T.800 annex I."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np

from engine.imaging.decoders.availability import Availability, codec
from engine.imaging.decoders.codestream import Jpeg2000, read_jpeg2000
from engine.imaging.pixels import MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "jpeg2000"
_SIGNATURE, _CODESTREAM = b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"
_PLAIN_COLOURS = frozenset({16, 17})  # enumerated colour spaces: sRGB and grey; any other would have to be converted
_ENUMERATED = 1  # how a colour box states its space; a profile is the other way, and changes no sample


def matches(data: bytes) -> bool:
    return data[:12] == _SIGNATURE or data[:4] == _CODESTREAM


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> Availability:
    return codec("JPEG2K")


def decode(data: bytes) -> Pixels:
    """The picture. Raises ImageProblem, NO_DECODER for palettes, other colours than RGB, and transparency."""
    is_available(FORMAT).require()
    header = read_jpeg2000(data)
    _require_uniform(header)
    with foreign("the JPEG 2000 boxes"):
        _require_plain_colours(data, header)
    with foreign("the JPEG 2000 data"):
        array = np.ascontiguousarray(imagecodecs.jpeg2k_decode(data))
        photometric = RGB if array.ndim == 3 else MONOCHROME2
        return Pixels(array, header.precision, photometric, header.signed, lossy=not header.reversible, encoding=FORMAT)


def _require_uniform(header: Jpeg2000) -> None:
    is_plain = header.components == 1 or (header.components == 3 and not header.signed)
    if not is_plain or not header.uniform or header.precision > 16:
        detail = f"JPEG 2000 with {header.components} components of {header.precision} bits"
        raise ImageProblem(FindingCode.NO_DECODER, f"{detail}, or of several sizes")


def _require_plain_colours(data: bytes, header: Jpeg2000) -> None:
    for kind, start, _ in _boxes(data, 0, header.start):
        if kind == b"pclr":
            raise ImageProblem(FindingCode.NO_DECODER, "JPEG 2000 with a palette")
        if kind == b"colr" and data[start] == _ENUMERATED:
            space = int.from_bytes(data[start + 3 : start + 7], "big")
            if space not in _PLAIN_COLOURS:
                raise ImageProblem(FindingCode.NO_DECODER, f"JPEG 2000 with colours of kind {space}")


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of what each box before `end` holds; the header box is entered."""
    while start + 8 <= end and data[:4] != _CODESTREAM:
        size, kind = struct.unpack_from(">I4s", data, start)
        stop = start + size if size >= 8 else end
        if kind == b"jp2h":
            yield from _boxes(data, start + 8, min(stop, end))
        else:
            yield kind, start + 8, stop
        start = stop
