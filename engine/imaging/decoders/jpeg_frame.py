"""JPEG frames in DICOM: baseline, extended (8 and 12 bits) and lossless (process 14, SV1 or not), by libjpeg-turbo."""

from __future__ import annotations

import imagecodecs

from engine.imaging.decoders.codestream import LOSSLESS, Jpeg, read_jpeg
from engine.imaging.decoders.layout import Decoded, Frame, Layout, require_agreement
from engine.imaging.problem import foreign

_UNTOUCHED = {"colorspace": "RGB", "outcolorspace": "RGB"}
_FROM_YBR = {"colorspace": "YCBCR", "outcolorspace": "RGB"}


def is_available() -> bool:
    return bool(imagecodecs.JPEG8.available)


def decode(frame: Frame, layout: Layout) -> Decoded:
    """The frame as stored; colour that was transformed for lossy coding comes out as RGB."""
    header = read_jpeg(frame)
    require_agreement(layout, header.height, header.width, header.components)
    lossless = header.process in LOSSLESS
    with foreign("the JPEG data"):
        array = imagecodecs.jpeg8_decode(frame, **_colour(header, layout))
    return Decoded(array, lossy=not lossless, rgb=not lossless)


def _colour(header: Jpeg, layout: Layout) -> dict[str, str]:
    """Which transform to undo: an Adobe segment knows, else the DICOM header; lossless frames are left as they are."""
    if header.components == 1:
        return {}
    if header.process in LOSSLESS:
        return _UNTOUCHED
    if header.adobe_transform is not None:
        return _FROM_YBR if header.adobe_transform == 1 else _UNTOUCHED
    return _UNTOUCHED if layout.photometric == "RGB" else _FROM_YBR
