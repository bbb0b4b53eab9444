"""JPEG 2000 files, as JP2 or as a bare codestream."""

from __future__ import annotations

import imagecodecs
import numpy as np

from engine.imaging.decoders.codestream import read_jpeg2000
from engine.imaging.pixels import MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "jpeg2000"


def matches(data: bytes) -> bool:
    return data[:12] == b"\0\0\0\x0cjP  \r\n\x87\n" or data[:4] == b"\xff\x4f\xff\x51"


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> bool:
    return bool(imagecodecs.JPEG2K.available)


def decode(data: bytes) -> Pixels:
    """The picture. Raises ImageProblem."""
    header = read_jpeg2000(data)
    if header.components not in (1, 3) or header.precision > 16:
        detail = f"JPEG 2000 with {header.components} components of {header.precision} bits"
        raise ImageProblem(FindingCode.NO_DECODER, detail)
    with foreign("the JPEG 2000 data"):
        array = np.ascontiguousarray(imagecodecs.jpeg2k_decode(data))
        return Pixels(
            array,
            header.precision,
            RGB if header.components == 3 else MONOCHROME2,
            header.signed,
            lossy=not header.reversible,
            encoding=FORMAT,
        )
