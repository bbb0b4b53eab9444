"""What JPEG, JPEG-LS and JPEG 2000 data say of themselves before they are unpacked.

Sources: ITU-T T.81 annex B, T.87 annex C and T.800 annex A (markers); PS3.5 8.2.1 and Adobe TN 5116 (colour).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_JPEG, _JPEG_2000, _END = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\xd9"
_LONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_HEADS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_PLAIN = frozenset({0xC0, 0xC1, 0xC2})  # coded by cosine transform and Huffman
_ADOBE, _SCAN = 0xEE, 0xDA


class StreamEnds(ValueError):
    """The data ends too early."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Size and form of the coded picture.

    `is_plain_jpeg` if any JPEG reader can show it; `transform` is the colour transform an Adobe segment states.
    """

    width: int
    height: int
    components: int
    precision: int
    signed: bool = False
    is_plain_jpeg: bool = False
    transform: int | None = None

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
    return stream


def _jpeg_2000(data: bytes) -> tuple[Stream, int]:
    start = data.find(_JPEG_2000)  # a JP2 file has boxes before it
    if start < 0:
        raise ValueError("no picture data of a known form")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    return Stream(right - left, bottom - top, components, (depth & 0x7F) + 1, depth > 0x7F), start + 42


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
    return Stream(width, height, components, precision, False, marker in _PLAIN, transform), at
