"""JPEG 2000 and High-Throughput JPEG 2000 frames in DICOM, by OpenJPEG."""

from __future__ import annotations

import imagecodecs

from engine.imaging.decoders.availability import Availability, codec
from engine.imaging.decoders.codestream import read_jpeg2000
from engine.imaging.decoders.layout import Decoded, Layout, require_agreement
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode


def is_available() -> Availability:
    return codec("JPEG2K")


def decode(frame: bytes, layout: Layout) -> Decoded:
    """The frame as stored; the component transform (RCT, ICT) is undone."""
    header = read_jpeg2000(frame)
    require_agreement(layout, header.height, header.width, header.components)
    if not header.uniform:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "JPEG 2000 components of several depths or sizes")
    with foreign("the JPEG 2000 data"):
        array = imagecodecs.jpeg2k_decode(frame)
    return Decoded(array, lossy=not header.reversible, rgb=layout.photometric in ("YBR_RCT", "YBR_ICT"))
