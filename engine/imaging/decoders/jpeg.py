"""JPEG files: photos, with their EXIF orientation noted and never applied."""

from __future__ import annotations

import imagecodecs
import numpy as np

from engine.imaging.decoders.codestream import JPEG_LS, LOSSLESS, Jpeg, read_jpeg
from engine.imaging.decoders.tiff_tags import exif_orientation
from engine.imaging.pixels import MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "jpeg"
_EXIF = b"Exif\0\0"


def matches(data: bytes) -> bool:
    return data[:3] == b"\xff\xd8\xff"


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> bool:
    return bool(imagecodecs.JPEG8.available)


def decode(data: bytes) -> Pixels:
    """The picture as stored, upright or not. Raises ImageProblem."""
    header = read_jpeg(data)
    if header.process == JPEG_LS or header.components not in (1, 3):
        raise ImageProblem(
            FindingCode.NO_DECODER, f"JPEG with {header.components} components, process {header.process:x}"
        )
    with foreign("the JPEG data"):
        array = imagecodecs.jpeg8_decode(data)
        photometric = RGB if header.components == 3 else MONOCHROME2
        lossy = header.process not in LOSSLESS
        array = np.ascontiguousarray(array)
        return Pixels(array, header.precision, photometric, lossy=lossy, encoding=FORMAT, exif=_orientation(header))


def _orientation(header: Jpeg) -> int:
    blocks = (body for number, body in header.applications if number == 1 and body.startswith(_EXIF))
    return next((exif_orientation(body[len(_EXIF) :]) for body in blocks), 1)
