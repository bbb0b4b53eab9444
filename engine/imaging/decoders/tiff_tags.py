"""Directories of TIFF tags: pages of a TIFF file, and the EXIF block of a photo."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

_ORIENTATION = 274
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_SIZES = {3: (2, "H"), 4: (4, "I")}  # SHORT, LONG
_MAX_DIRECTORIES = 64  # directories: a chain this long is a loop or a film, not a picture


def directories(data: bytes) -> Iterator[Mapping[int, tuple[int, ...]]]:
    """Each directory as tag -> numbers, for tags of type SHORT and LONG. Raises ImageProblem or struct.error."""
    order = _ORDERS.get(data[:4])
    if order is None:
        raise ImageProblem(FindingCode.NO_DECODER, "neither classic little-endian nor big-endian TIFF")
    offset = struct.unpack_from(f"{order}I", data, 4)[0]
    for _ in range(_MAX_DIRECTORIES):
        if not offset:
            return
        if offset + 2 > len(data):
            raise ImageProblem(FindingCode.TRUNCATED, f"a TIFF directory at offset {offset}, {len(data)} bytes")
        count = struct.unpack_from(f"{order}H", data, offset)[0]
        yield dict(_tags(data, offset + 2, count, order))
        offset = struct.unpack_from(f"{order}I", data, offset + 2 + 12 * count)[0]
    raise ImageProblem(FindingCode.MULTIFRAME, f"more than {_MAX_DIRECTORIES} TIFF directories")


def _tags(data: bytes, start: int, count: int, order: str) -> Iterator[tuple[int, tuple[int, ...]]]:
    for entry in range(start, start + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, entry)
        if kind in _SIZES:
            size, code = _SIZES[kind]
            where = entry + 8 if size * number <= 4 else struct.unpack_from(f"{order}I", data, entry + 8)[0]
            yield tag, struct.unpack_from(f"{order}{min(number, len(data) // size)}{code}", data, where)


def exif_orientation(block: bytes) -> int:
    """The orientation 1-8 in an EXIF block that starts with its TIFF header; 1 where it says none or is malformed."""
    try:
        first = next(directories(block))
    except (ImageProblem, struct.error, StopIteration):
        return 1
    return orientation_of(first)


def orientation_of(tags: Mapping[int, tuple[int, ...]]) -> int:
    """The EXIF orientation 1-8 that a directory states; 1 where it states none."""
    stated = tags.get(_ORIENTATION) or (1,)
    return stated[0] if 1 <= stated[0] <= 8 else 1
