"""A DICOM file's picture facts and pixel bytes, read with struct: uncompressed data in either byte order, or deflated.

Sources: DICOM PS3.5 chapter 7 (data elements), annex A (transfer syntaxes and encapsulation), PS3.10 (file format).
Only the top level is looked at; sequences are stepped over. Compressed pixel data stays with its fragments.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
UNCOMPRESSED = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG})

_TRANSFER_SYNTAX, _PIXEL_DATA = 0x00020010, 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_FORMS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_UNDEFINED = 0xFFFFFFFF
_FIRST_TAGS = frozenset({b"\2\0\0\0", *(bytes((8, 0, low, 0)) for low in (0, 1, 5, 8)), b"\0\x08\0\x05"})
_DEEPEST = 32  # nested sequences; deeper is no clinical file
_KEPT = range(0x00280002, 0x0028FFFF)  # the image pixel group


class DicomTruncated(ValueError):
    """The file ends before its own lengths say so."""


class DicomUnreadable(ValueError):
    """Not a DICOM file that this reader understands."""


@dataclass(frozen=True, slots=True)
class DicomPicture:
    """Group 0028 as raw value bytes, and pixel data: one run of bytes, or the fragments of a compressed picture."""

    syntax: str
    values: dict[int, bytes]
    pixel_data: memoryview | None = None
    fragments: tuple[memoryview, ...] = field(default=())

    @property
    def big_endian(self) -> bool:
        return self.syntax == EXPLICIT_BIG

    def number(self, tag: int, default: int) -> int:
        """An unsigned short (US) or, where the value is text (IS), the integer it spells."""
        raw = self.values.get(tag, b"")
        if tag == 0x00280008:
            return int(self.text(tag) or default)
        return struct.unpack_from(">H" if self.big_endian else "<H", raw)[0] if len(raw) >= 2 else default

    def text(self, tag: int) -> str:
        return self.values.get(tag, b"").decode("ascii", "replace").strip(" \0")

    def decimals(self, tag: int) -> tuple[float, ...]:
        """Decimal strings; nothing where the value is empty or not a number."""
        try:
            return tuple(float(part) for part in self.text(tag).split("\\") if part.strip())
        except ValueError:
            return ()


def is_dicom(data: bytes) -> bool:
    """Whether the magic word follows a preamble, or the file begins with an element of group 2 or 8 without one."""
    return data[128:132] == b"DICM" or data[:4] in _FIRST_TAGS


def read_dicom(data: bytes) -> DicomPicture:
    """Picture facts and pixel data of a DICOM file. Raises DicomTruncated or DicomUnreadable."""
    if not is_dicom(data):
        raise DicomUnreadable("not DICOM")
    try:
        syntax, start = _file_meta(data, 132 if data[128:132] == b"DICM" else 0)
        body = memoryview(data)[start:]
        if syntax == DEFLATED_LITTLE:
            body = memoryview(_inflated(body))
        return _picture(_Cursor(body, syntax != IMPLICIT_LITTLE, ">" if syntax == EXPLICIT_BIG else "<"), syntax)
    except struct.error as problem:
        raise DicomTruncated("the file ends inside a data element") from problem


def _file_meta(data: bytes, start: int) -> tuple[str, int]:
    """The transfer syntax, and where the data set begins; guessed from its first element where no group 2 tells."""
    cursor, syntax = _Cursor(memoryview(data), True, "<", start), ""
    while cursor.group() == 0x0002:
        element = cursor.element()
        if element.tag == _TRANSFER_SYNTAX:
            syntax = bytes(element.value).decode("ascii", "replace").strip(" \0")
    return syntax or _guessed(data[cursor.at : cursor.at + 6]), cursor.at


def _guessed(first: bytes) -> str:
    if first[:2] == b"\0\x08":
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if first[4:6].isalpha() else IMPLICIT_LITTLE


def _inflated(body: memoryview) -> bytes:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = unpacker.decompress(body)
    except zlib.error as problem:
        raise DicomUnreadable("deflated data set is damaged") from problem
    if not unpacker.eof:
        raise DicomTruncated("deflated data set ends too early")
    return plain


def _picture(cursor: _Cursor, syntax: str) -> DicomPicture:
    values: dict[int, bytes] = {}
    while not cursor.at_end():
        element = cursor.element(stop_at=_PIXEL_DATA)
        if element.tag == _PIXEL_DATA and element.length == _UNDEFINED:
            return DicomPicture(syntax, values, fragments=tuple(cursor.fragments()))
        if element.tag == _PIXEL_DATA:
            return DicomPicture(syntax, values, pixel_data=element.value)
        if element.tag in _KEPT:
            values[element.tag] = bytes(element.value)
    return DicomPicture(syntax, values)


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    length: int
    value: memoryview


@dataclass(slots=True)
class _Cursor:
    """A place in a data set; every step moves it past what it returns."""

    data: memoryview
    explicit: bool
    order: str
    at: int = 0

    def at_end(self) -> bool:
        return self.at >= len(self.data)

    def group(self) -> int:
        return 0 if self.at_end() else self._unpack("H", self.at)

    def element(self, stop_at: int = 0) -> _Element:
        """The next element; one of undefined length is stepped over, but for `stop_at`, whose items are then next."""
        tag, length, form = self._header()
        if length == _UNDEFINED:
            if tag != stop_at:
                self._skip_items(form == b"UN", 0)
            return _Element(tag, length, self.data[0:0])
        return _Element(tag, length, self._take(length, whole=tag != stop_at))

    def fragments(self) -> Iterator[memoryview]:
        """The fragments of encapsulated pixel data, without the offset table."""
        table = True
        while True:
            tag, length = self._item()
            if tag == _SEQUENCE_END:
                return
            piece = self._take(length)
            if not table:
                yield piece
            table = False

    def _header(self) -> tuple[int, int, bytes]:
        tag = self._tag()
        if not self.explicit or tag >> 16 == 0xFFFE:
            return tag, self._next("I", 4), b""
        form = bytes(self._take(2))
        if form in _LONG_FORMS:
            self.at += 2
            return tag, self._next("I", 4), form
        return tag, self._next("H", 2), form

    def _skip_items(self, implicit: bool, depth: int) -> None:
        if depth > _DEEPEST:
            raise DicomUnreadable("sequences nested too deeply")
        while True:
            tag, length = self._item()
            if tag == _SEQUENCE_END:
                return
            if length == _UNDEFINED:
                self._skip_data_set(implicit, depth)
            else:
                self._take(length)

    def _skip_data_set(self, implicit: bool, depth: int) -> None:
        outer, self.explicit = self.explicit, self.explicit and not implicit
        while True:
            tag, length, form = self._header()
            if tag == _ITEM_END:
                break
            if length == _UNDEFINED:
                self._skip_items(form == b"UN", depth + 1)
            else:
                self._take(length)
        self.explicit = outer

    def _item(self) -> tuple[int, int]:
        tag, length = self._tag(), self._next("I", 4)
        if tag not in (_ITEM, _SEQUENCE_END):
            raise DicomUnreadable("an item was expected")
        return tag, length

    def _tag(self) -> int:
        group, element = self._next("H", 2), self._next("H", 2)
        return group << 16 | element

    def _take(self, length: int, whole: bool = True) -> memoryview:
        if whole and self.at + length > len(self.data):
            raise DicomTruncated("the file ends inside a value")
        piece = self.data[self.at : self.at + length]
        self.at += length
        return piece

    def _next(self, code: str, size: int) -> int:
        value = self._unpack(code, self.at)
        self.at += size
        return value

    def _unpack(self, code: str, at: int) -> int:
        return int(struct.unpack_from(self.order + code, self.data, at)[0])
