"""JPEG-LS frames in DICOM, by CharLS."""

from __future__ import annotations

import imagecodecs

from engine.imaging.decoders.availability import Availability, codec
from engine.imaging.decoders.codestream import read_jpeg
from engine.imaging.decoders.layout import Decoded, Layout, require_agreement
from engine.imaging.problem import foreign


def is_available() -> Availability:
    return codec("JPEGLS")


def decode(frame: bytes, layout: Layout) -> Decoded:
    """The frame as stored; lossy if its tolerance is not zero."""
    header = read_jpeg(frame)
    require_agreement(layout, header.height, header.width, header.components)
    with foreign("the JPEG-LS data"):
        array = imagecodecs.jpegls_decode(frame)
    return Decoded(array, lossy=not header.is_lossless)
