"""Directories of TIFF tags, classic and BigTIFF: pages of a TIFF file, and the EXIF block of a photo."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from engine.imaging.limits import MAX_PAGES, MAX_PALETTE, MAX_TAG_VALUES
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

Tags = Mapping[int, tuple[int, ...]]

_ORIENTATION: Final = 274
# Numbers that a tag of a picture has: where its pieces are and how long, and its palette; any other has a few.
_MOST_VALUES: Final = {**dict.fromkeys((273, 279, 324, 325), MAX_TAG_VALUES), 320: 3 * MAX_PALETTE}
_FEW: Final = 16
COLOUR_PROFILE: Final = 34675
# Types of whole numbers, by bytes and code: BYTE, SHORT, LONG, the signed ones, IFD, LONG8.
_SIZES: Final = {
    **{1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 6: (1, "b")},
    **{8: (2, "h"), 9: (4, "i"), 13: (4, "I"), 16: (8, "Q")},
}


@dataclass(frozen=True, slots=True)
class _Form:
    """How a file writes its directories: byte order, and the codes of an offset, a count of entries and a number."""

    order: str
    offset: str
    entries: str
    first: int

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, number of values; the values themselves, or where they are, follow."""
        return struct.Struct(f"{self.order}HH{self.offset}")

    @property
    def room(self) -> int:
        """Bytes of an offset, and of values kept in its place."""
        return struct.calcsize(self.offset)


_FORMS: Final = {
    b"II*\0": _Form("<", "I", "H", 4),
    b"MM\0*": _Form(">", "I", "H", 4),
    b"II+\0": _Form("<", "Q", "Q", 8),
    b"MM\0+": _Form(">", "Q", "Q", 8),
}


def directories(data: bytes) -> Iterator[Tags]:
    """Each directory as tag -> numbers, of whole numbers only, and no more of them than a picture has; a colour profile
    is there and empty. Raises ImageProblem or struct.error.
    """
    form = _FORMS.get(data[:4])
    if form is None:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "no TIFF header")
    (offset,) = struct.unpack_from(form.order + form.offset, data, form.first)
    for _ in range(MAX_PAGES):
        if not offset:
            return
        if offset + 2 > len(data):
            raise ImageProblem(FindingCode.TRUNCATED, f"a TIFF directory at offset {offset}, {len(data)} bytes")
        (count,) = struct.unpack_from(form.order + form.entries, data, offset)
        start = offset + struct.calcsize(form.entries)
        end = start + count * (form.entry.size + form.room)
        if end > len(data):
            raise ImageProblem(FindingCode.TRUNCATED, f"a TIFF directory up to offset {end}, {len(data)} bytes")
        yield dict(_tags(data, range(start, end, form.entry.size + form.room), form))
        (offset,) = struct.unpack_from(form.order + form.offset, data, end)
    raise ImageProblem(FindingCode.MULTIFRAME, f"more than {MAX_PAGES} TIFF directories")


def upright(data: bytes, orientation: int) -> bytes:
    """The file with orientation 1 in place of the one its page states, for a library that would turn it."""
    if orientation == 1:
        return data
    form = _FORMS[data[:4]]
    head, stated, plain = (
        struct.pack(f"{form.order}HH{form.offset}", _ORIENTATION, 3, 1),
        *(struct.pack(f"{form.order}H", number) for number in (orientation, 1)),
    )
    return data.replace(head + stated, head + plain)


def _tags(data: bytes, entries: range, form: _Form) -> Iterator[tuple[int, tuple[int, ...]]]:
    for entry in entries:
        tag, kind, number = form.entry.unpack_from(data, entry)
        if tag == COLOUR_PROFILE:
            yield tag, ()
        if kind not in _SIZES or number > _MOST_VALUES.get(tag, _FEW):
            continue
        size, code = _SIZES[kind]
        where = entry + form.entry.size
        if size * number > form.room:
            (where,) = struct.unpack_from(form.order + form.offset, data, where)
        if where + size * number > len(data):
            raise ImageProblem(FindingCode.TRUNCATED, f"TIFF tag {tag} at offset {where}, {len(data)} bytes")
        yield tag, struct.unpack_from(f"{form.order}{number}{code}", data, where)


def first(tags: Tags, tag: int, default: int) -> int:
    """The first number of a tag, or `default`."""
    values = tags.get(tag)
    return values[0] if values else default


def exif_orientation(block: bytes) -> int:
    """The orientation 1-8 in an EXIF block that starts with its TIFF header; 1 where it says none or is malformed."""
    try:
        first = next(directories(block))
    except (ImageProblem, struct.error, StopIteration):
        return 1
    return orientation_of(first)


def orientation_of(tags: Tags) -> int:
    """The EXIF orientation 1-8 that a directory states; 1 where it states none."""
    stated = tags.get(_ORIENTATION) or (1,)
    return stated[0] if 1 <= stated[0] <= 8 else 1
