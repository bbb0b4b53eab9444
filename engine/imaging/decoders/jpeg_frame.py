"""JPEG frames in DICOM: baseline, extended (8 and 12 bits) and lossless (process 14, SV1 or not), by libjpeg-turbo."""

from __future__ import annotations

import imagecodecs

from engine.imaging.decoders.availability import Availability, codec
from engine.imaging.decoders.codestream import Jpeg, read_jpeg, require_huffman
from engine.imaging.decoders.layout import Decoded, Layout, require_agreement
from engine.imaging.problem import foreign


def is_available() -> Availability:
    return codec("JPEG8")


def decode(frame: bytes, layout: Layout) -> Decoded:
    """The frame as stored; colour that was transformed for lossy coding comes out as RGB."""
    header = read_jpeg(frame)
    require_huffman(header)
    require_agreement(layout, header.height, header.width, header.components)
    stored, wanted = _colour(header, layout)
    with foreign("the JPEG data"):
        array = imagecodecs.jpeg8_decode(frame, colorspace=stored, outcolorspace=wanted)
    return Decoded(array, lossy=not header.is_lossless, rgb=not header.is_lossless)


def _colour(header: Jpeg, layout: Layout) -> tuple[str | None, str | None]:
    """The colour spaces stored and wanted: an Adobe segment knows, else the DICOM header; lossless frames stay."""
    if header.components == 1:
        return None, None
    if header.is_lossless:
        return "RGB", "RGB"
    if header.adobe_transform is not None:
        return "YCBCR" if header.adobe_transform == 1 else "RGB", "RGB"
    return "RGB" if layout.photometric == "RGB" else "YCBCR", "RGB"
