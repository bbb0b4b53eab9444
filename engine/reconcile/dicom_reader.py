"""A DICOM file's picture facts and pixel bytes, read with struct: uncompressed data in either byte order, or deflated.

Sources: DICOM PS3.5 chapter 7 (data elements), annex A (transfer syntaxes and encapsulation), PS3.10 (file format).
Only the top level is looked at; sequences are stepped over. Compressed pixel data stays with its fragments.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
UNCOMPRESSED = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG})

_TRANSFER_SYNTAX, _PIXEL_DATA = 0x00020010, 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_FORMS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_UNDEFINED = 0xFFFFFFFF
_DEEPEST = 32  # nested sequences; deeper is no clinical file
_PART = 1 << 16  # bytes
_MOST_INFLATED = 1 << 30  # bytes of a deflated data set; no picture takes more
_SOP_CLASS, _FRAMES, _ROWS, _FLOATS = 0x00080016, 0x00280008, 0x00280010, frozenset({0x7FE00008, 0x7FE00009})
_OFFSETS = 0x7FE00001  # one of 8 bytes for each frame
_CHARSET, _IMAGER_SPACING, _LUTS = 0x00080005, 0x00181164, frozenset({0x00283000, 0x00283010})
_BESIDE = frozenset({_SOP_CLASS, _CHARSET, _IMAGER_SPACING, _OFFSETS, *_LUTS})
_KEPT = _BESIDE | frozenset(range(0x00280002, 0x00281300))  # and the image pixel group


Item = dict[int, tuple[bytes, bytes]]  # form and value by tag


class DicomTruncated(ValueError):
    """The file ends before its own lengths say so."""


class DicomUnreadable(ValueError):
    """Not a DICOM file that this reader understands."""


@dataclass(frozen=True, slots=True)
class DicomPicture:
    """Group 0028 as raw value bytes, and pixel data: one run of bytes, or the items of a compressed picture.

    `in_words` if the bytes of pixel data belong to words (OW).
    """

    syntax: str
    values: dict[int, bytes]
    pixel_data: memoryview
    is_encapsulated: bool
    in_words: bool
    is_explicit: bool = True

    @property
    def big_endian(self) -> bool:
        return self.syntax == EXPLICIT_BIG

    @property
    def sop_class(self) -> str:
        return self.text(_SOP_CLASS)

    @property
    def frames(self) -> int:
        """Frames in one file. Raises DicomUnreadable if the number is none."""
        try:
            return int(float(self.text(_FRAMES) or 1)) or 1
        except (ValueError, OverflowError) as problem:
            raise DicomUnreadable("the number of frames is no number") from problem

    @property
    def offsets(self) -> int:
        """Frames that an extended offset table counts."""
        return len(self.values.get(_OFFSETS, b"")) // 8

    def items(self) -> Iterator[memoryview]:
        """Offset table and fragments of encapsulated pixel data. Raises DicomTruncated or DicomUnreadable."""
        return _Cursor(self.pixel_data, True, "<").fragments()

    def number(self, tag: int, default: int) -> int:
        """An unsigned short (US)."""
        raw = self.values.get(tag, b"")
        return struct.unpack_from(">H" if self.big_endian else "<H", raw)[0] if len(raw) >= 2 else default

    def text(self, tag: int) -> str:
        return self.values.get(tag, b"").decode("ascii", "replace").strip(" \0")

    def decimals(self, tag: int) -> list[float]:
        """A list of decimal strings; none where any of them is no finite number."""
        try:
            numbers = [float(part) for part in self.text(tag).split("\\")]
        except ValueError:
            return []
        return numbers if all(map(math.isfinite, numbers)) else []

    def sequence(self, tag: int) -> tuple[Item, ...]:
        """The items of a sequence, one level of it; none where it is malformed."""
        raw = memoryview(self.values.get(tag, b""))
        try:
            return tuple(_Cursor(raw, self.is_explicit, ">" if self.big_endian else "<").data_sets())
        except (struct.error, ValueError):
            return ()


def is_dicom(data: bytes) -> bool:
    """Whether the magic word follows a preamble, or the file begins with an element of group 2 or 8 without one."""
    if data[128:132] == b"DICM":
        return True
    if _is_explicit(data[4:6]) and len(data) > 6:
        return data[:2] in (b"\2\0", b"\x08\0", b"\0\x08")
    return data[:2] in (b"\2\0", b"\x08\0") and int.from_bytes(data[4:8], "little") < len(data)


def read_dicom(data: bytes) -> DicomPicture:
    """Picture facts and pixel data of a DICOM file.

    Raises DicomTruncated for a picture that ends too early, DicomUnreadable for anything else, and for a file that ends
    before it says how many rows its picture has: it may have none.
    """
    if not is_dicom(data):
        raise DicomUnreadable("not DICOM")
    syntax, start = _file_meta(data, 132 if data[128:132] == b"DICM" else 0)
    body = memoryview(data)[start:]
    if syntax == DEFLATED_LITTLE:
        body = memoryview(_inflated(body))
    explicit = _is_explicit(bytes(body[4:6]))  # whatever the transfer syntax says: some writers take the other form
    return _picture(_Cursor(body, explicit, ">" if syntax == EXPLICIT_BIG else "<"), syntax)


def _file_meta(data: bytes, start: int) -> tuple[str, int]:
    """The transfer syntax, and where the data set begins; guessed from its first element where no group 2 tells."""
    cursor, syntax = _Cursor(memoryview(data), True, "<", start), ""
    try:
        while cursor.group() == 0x0002:
            element = cursor.element()
            if element.tag == _TRANSFER_SYNTAX:
                syntax = bytes(element.value).decode("ascii", "replace").strip(" \0")
    except (struct.error, DicomTruncated) as problem:
        error = DicomTruncated if syntax == DEFLATED_LITTLE else DicomUnreadable
        raise error("the file ends inside its file meta information") from problem
    return syntax or _guessed(data[cursor.at : cursor.at + 6]), cursor.at


def _guessed(first: bytes) -> str:
    if first[:2] == b"\0\x08":
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if _is_explicit(first[4:6]) else IMPLICIT_LITTLE


def _is_explicit(form: bytes) -> bool:
    """Whether these bytes after a tag are a value representation; in the implicit form they begin a length."""
    return b"AA" <= form <= b"ZZ"


def _inflated(body: memoryview) -> bytes:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        if sum(_inflated_sizes(body)) > _MOST_INFLATED:
            raise DicomUnreadable("deflated data set is larger than any picture")
        plain = unpacker.decompress(body)
    except zlib.error as problem:
        raise DicomUnreadable("deflated data set is damaged") from problem
    if not unpacker.eof:
        raise DicomTruncated("deflated data set ends too early")
    return plain


def _inflated_sizes(body: memoryview) -> Iterator[int]:
    """How much each part of the data gives, up to a little beyond the most; nothing of it is kept."""
    unpacker, told = zlib.decompressobj(-zlib.MAX_WBITS), 0
    for at in range(0, len(body), _PART):
        waiting = bytes(body[at : at + _PART])
        while waiting and not unpacker.eof and told <= _MOST_INFLATED:  # padding may follow the end
            given = len(unpacker.decompress(waiting, _PART))
            waiting, told = unpacker.unconsumed_tail, told + given
            yield given


def _picture(cursor: _Cursor, syntax: str) -> DicomPicture:
    values: dict[int, bytes] = {}
    try:
        pixels = _pixel_element(cursor, values)
    except (struct.error, DicomTruncated) as problem:
        error = DicomTruncated if _ROWS in values else DicomUnreadable
        raise error("the file ends before its pixel data") from problem
    encapsulated = pixels.length == _UNDEFINED
    data = cursor.rest() if encapsulated else pixels.value
    return DicomPicture(syntax, values, data, encapsulated, pixels.form in (b"", b"OW"), cursor.explicit)


def _pixel_element(cursor: _Cursor, values: dict[int, bytes]) -> _Element:
    """Steps to the pixel data; what is passed on the way and matters goes into `values`."""
    while not cursor.at_end():
        element = cursor.element(stop_at=_PIXEL_DATA)
        if element.tag == _PIXEL_DATA:
            return element
        if element.tag in _FLOATS:
            raise DicomUnreadable("floating-point pixels")
        if element.tag in _KEPT:
            values[element.tag] = bytes(element.value)
    raise DicomTruncated("no pixel data")


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    length: int
    value: memoryview
    form: bytes


@dataclass(slots=True)
class _Cursor:
    """A place in a data set; every step moves it past what it returns."""

    data: memoryview
    explicit: bool
    order: str
    at: int = 0

    def at_end(self) -> bool:
        return self.at >= len(self.data)

    def rest(self) -> memoryview:
        return self.data[self.at :]

    def group(self) -> int:
        return 0 if self.at_end() else self._unpack("H", self.at)

    def element(self, stop_at: int = 0) -> _Element:
        """The next element; one of undefined length is stepped over, but for `stop_at`, whose items are then next."""
        tag, length, form = self._header()
        if length == _UNDEFINED:
            start = self.at
            if tag != stop_at:
                self._skip_items(form == b"UN", 0)
            return _Element(tag, length, self.data[start : self.at], form)
        return _Element(
            tag, length, self._take(length, whole=tag not in (stop_at, _ROWS)), form
        )  # a cut one still counts

    def fragments(self) -> Iterator[memoryview]:
        """The items of encapsulated pixel data, offset table first; an end mark may be wanting."""
        while self.at + 8 <= len(self.data):
            tag, length = self._item()
            if tag == _SEQUENCE_END:
                return
            yield self._take(length)

    def data_sets(self) -> Iterator[Item]:
        """The items of a sequence as elements by tag."""
        while not self.at_end():
            tag, length = self._item()
            if tag == _SEQUENCE_END:
                return
            start = self.at
            is_explicit = self.explicit and _is_explicit(bytes(self.data[start + 4 : start + 6]))
            within = self.data if length == _UNDEFINED else self.data[: start + length]
            inner = _Cursor(within, is_explicit, self.order, start)
            yield dict(inner.elements())
            self.at = inner.at

    def elements(self) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
        """Tag, form and value of each element up to the end of the item."""
        while not self.at_end():
            element = self.element()
            if element.tag == _ITEM_END:
                return
            yield element.tag, (element.form, bytes(element.value))

    def _header(self) -> tuple[int, int, bytes]:
        tag = self._tag()
        if not self.explicit or tag >> 16 == 0xFFFE:
            return tag, self._next("I", 4), b""
        form = bytes(self._take(2))
        if not _is_explicit(form):  # an element of the implicit form among explicit ones
            self.at -= 2
            return tag, self._next("I", 4), b""
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
