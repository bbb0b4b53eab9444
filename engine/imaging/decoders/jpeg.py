"""JPEG files: photos, with their EXIF orientation noted and never applied; 8 and 12 bits, and lossless grey."""

from __future__ import annotations

import imagecodecs
import numpy as np

from engine.imaging.decoders.availability import Availability, codec
from engine.imaging.decoders.codestream import Jpeg, read_jpeg, require_huffman
from engine.imaging.decoders.tiff_tags import exif_orientation
from engine.imaging.pixels import MONOCHROME2, PROFILE, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "jpeg"
_EXIF = b"Exif\0\0"
_COLOUR_BITS = 8  # bits of a sample where there are three of them: nothing that takes photos writes more


def matches(data: bytes) -> bool:
    return data[:3] == b"\xff\xd8\xff"


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> Availability:
    return codec("JPEG8")


def decode(data: bytes) -> Pixels:
    """The picture as stored, upright or not. Raises ImageProblem, NO_DECODER for four inks and what nobody writes."""
    is_available(FORMAT).require()
    header = read_jpeg(data)
    require_huffman(header)
    _require_known_colours(header)
    with foreign("the JPEG data"):
        array = np.ascontiguousarray(imagecodecs.jpeg8_decode(data))
        photometric = RGB if header.components == 3 else MONOCHROME2
        return Pixels(
            array,
            header.precision,
            photometric,
            lossy=not header.is_lossless,
            encoding=FORMAT,
            exif=_orientation(header),
            beside=(PROFILE,) if any(_is_profile(part) for part in header.applications) else (),
        )


def _require_known_colours(header: Jpeg) -> None:
    plain = header.precision == _COLOUR_BITS and not header.is_lossless
    if header.components != 1 and not (header.components == 3 and plain):
        detail = f"JPEG of {header.components} components of {header.precision} bits, process {header.process:X}"
        raise ImageProblem(FindingCode.NO_DECODER, detail)


def _is_profile(application: tuple[int, bytes]) -> bool:
    """Whether an APPn segment holds a part of a colour profile."""
    number, body = application
    return number == 2 and body.startswith(b"ICC_PROFILE\0")


def _orientation(header: Jpeg) -> int:
    blocks = (body for number, body in header.applications if number == 1 and body.startswith(_EXIF))
    return next((exif_orientation(body[len(_EXIF) :]) for body in blocks), 1)
