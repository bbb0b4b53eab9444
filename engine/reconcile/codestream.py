"""What JPEG, JPEG-LS and JPEG 2000 data say of themselves before they are unpacked.

Sources: ITU-T T.81 annex B, T.87 annex C and T.800 annex A (markers); PS3.5 8.2.1 and Adobe TN 5116 (colour).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from engine.reconcile.picture import SourceWanting
from protocol.vocabulary import FindingCode

_JPEG, _JPEG_2000, _END = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\xd9"
_LONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_HEADS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_PLAIN = frozenset({0xC0, 0xC1, 0xC2})  # coded by cosine transform and Huffman
_LONGEST_SIDE, _MOST_PIXELS, _MOST_PRECINCTS = 32_767, 100_000_000, 1 << 17
_ADOBE, _SCAN = 0xEE, 0xDA
_SRGB_OR_GREY = (b"\0\0\0\x10", b"\0\0\0\x11")


class StreamEnds(ValueError):
    """The data ends too early."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Size and form of the coded picture.

    `is_plain_jpeg` if any JPEG reader can show it; `transform` is the colour transform an Adobe segment states;
    `is_even` if the components of JPEG 2000 have one depth and a sample for every pixel.
    """

    width: int
    height: int
    components: int
    precision: int
    signed: bool = False
    is_plain_jpeg: bool = False
    transform: int | None = None
    is_lossless_jpeg: bool = False
    is_jpeg_ls: bool = False
    is_even: bool = False

    @property
    def is_known(self) -> bool:
        """Coded in one of the ways that are seen with own eyes."""
        return self.is_plain_jpeg or self.is_lossless_jpeg or self.is_jpeg_ls or self.is_even

    @property
    def bits(self) -> int:
        """Bits in which one sample is handed out: 8 or 16."""
        return 8 if self.precision <= 8 else 16


def stream_of(data: bytes) -> Stream:
    """Raises StreamEnds, or ValueError for data of no known form."""
    try:
        stream, body = _jpeg(data) if data[:2] == _JPEG else _jpeg_2000(data)
    except (struct.error, IndexError) as problem:
        raise StreamEnds("the coded picture ends within its header") from problem
    if data.find(_END, body) < 0:
        raise StreamEnds("the coded picture has no end")
    _require_modest(stream, data)
    return stream


def _require_modest(stream: Stream, data: bytes) -> None:
    """GDCM sets room aside for whatever a header says. Raises SourceWanting."""
    if max(stream.width, stream.height) > _LONGEST_SIDE or stream.width * stream.height > _MOST_PIXELS:
        raise SourceWanting(FindingCode.TOO_LARGE, "more pixels than a picture has")
    if data[:2] != _JPEG and any(_precincts(stream, style) > _MOST_PRECINCTS for style in _coding_styles(data)):
        raise SourceWanting(FindingCode.TOO_LARGE, "cut more finely than a picture is")


def _coding_styles(data: bytes) -> Iterator[bytes]:
    """For each COD and COC segment before any tile's data: how its precincts' sizes are stated, coarsest first."""
    at, tile = data.find(_JPEG_2000) + 2, (0, 0)
    while at + 4 <= len(data):
        kind, length = struct.unpack_from(">HH", data, at)
        body = data[at + 4 : at + 2 + length]
        if kind == 0xFF90:
            tile = at, int.from_bytes(body[2:6], "big")
        if kind == 0xFF93 and sum(tile) <= at:
            return
        if kind in (0xFF52, 0xFF53) and (body[0] if kind == 0xFF52 else body[1]) & 1:
            yield body[10:] if kind == 0xFF52 else body[7:]
        at = sum(tile) if kind == 0xFF93 else at + 2 + max(length, 2)


def _precincts(stream: Stream, sizes: bytes) -> int:
    """Of all components: in each resolution as many as cover it."""
    count = 0
    for level, size in zip(range(len(sizes) - 1, -1, -1), sizes, strict=True):
        across, down = (
            math.ceil(math.ceil(side / 2**level) / 2**power)
            for side, power in ((stream.width, size % 16), (stream.height, size // 16))
        )
        count += across * down
    return count * max(stream.components, 1)


def _jpeg_2000(data: bytes) -> tuple[Stream, int]:
    start = data.find(_JPEG_2000)  # a JP2 file has boxes before it
    if start < 0:
        raise ValueError("no picture data of a known form")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    forms = data[start + 42 : start + 42 + 3 * components]
    is_even = forms == bytes((depth, 1, 1)) * components
    stream = Stream(right - left, bottom - top, components, (depth & 0x7F) + 1, depth > 0x7F, is_even=is_even)
    return stream, start + 42


def _jpeg(data: bytes) -> tuple[Stream, int]:
    at, head, transform = 2, None, None
    while True:
        if data[at] != 0xFF:
            raise ValueError("a marker was expected")
        if data[at + 1] == 0xFF:
            at += 1
            continue
        marker, at = data[at + 1], at + 2
        if marker in _LONE:
            continue
        size = struct.unpack_from(">H", data, at)[0]
        if at + size > len(data):
            raise StreamEnds("the coded picture ends within its header")
        if marker == _SCAN:
            break
        if marker in _HEADS and head is None:
            head = marker, *struct.unpack_from(">BHHB", data, at + 2)
        if marker == _ADOBE and data[at + 2 : at + 7] == b"Adobe" and transform is None and size > 13:
            transform = data[at + 13]
        at += max(size, 2)
    if head is None:
        raise ValueError("picture data before its header")
    marker, precision, height, width, components = head
    ways = {"is_plain_jpeg": marker in _PLAIN, "is_lossless_jpeg": marker == 0xC3, "is_jpeg_ls": marker == 0xF7}
    return Stream(width, height, components, precision, transform=transform, **ways), at


def require_plain_boxes(data: bytes) -> None:
    """Raises ValueError for a JP2 file with a palette, or with other colours than sRGB and grey (T.800 annex I)."""
    at, end = 0, data.find(_JPEG_2000)
    while at + 8 <= end and not data.startswith(_JPEG_2000):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 15]
        if kind == b"pclr" or (kind == b"colr" and body[0] == 1 and body[3:7] not in _SRGB_OR_GREY):
            raise ValueError("a palette, or colours that would have to be converted")
        at += 8 if kind == b"jp2h" else max(size, 8)
