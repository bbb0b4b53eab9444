"""The fragments of an encapsulated DICOM frame (PS3.5 annex A.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from engine.imaging.limits import require_frames
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

_ITEM, _DELIMITER = 0xE000FFFE, 0xE0DDFFFE  # (group, element) as one little-endian word
_BEGINNINGS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0c")  # JPEG and JPEG-LS, JPEG 2000, JP2
_HEADER = struct.Struct("<II")


def frame_of(pixel_data: memoryview) -> bytes:
    """The one frame within encapsulated pixel data.

    Raises ImageProblem TRUNCATED, MULTIFRAME or UNREADABLE_FILE.
    """
    items = _items(pixel_data)
    frames, begun, whole, has_fragments = len(next(items, b"")) // 4, 0, bytearray(), False
    for fragment in items:
        begun += _begins(fragment)
        whole += fragment
        has_fragments = True
    if not has_fragments:
        raise ImageProblem(FindingCode.TRUNCATED, "no fragment of pixel data")
    require_frames(max(frames, begun))
    return bytes(whole)


def _begins(fragment: memoryview) -> bool:
    """Whether a codestream begins: the offset table may be empty, and a second frame would be lost in silence."""
    return bytes(fragment[:4]).startswith(_BEGINNINGS)


def _items(data: memoryview) -> Iterator[memoryview]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        tag, size = _HEADER.unpack_from(data, offset)
        if tag == _DELIMITER:
            return
        if tag != _ITEM:
            raise ImageProblem(FindingCode.UNREADABLE_FILE, f"pixel data offset {offset}: an item was expected")
        offset += _HEADER.size
        if offset + size > len(data):
            detail = f"pixel data offset {offset}: {len(data) - offset} of {size} bytes"
            raise ImageProblem(FindingCode.TRUNCATED, detail)
        yield data[offset : offset + size]
        offset += size
