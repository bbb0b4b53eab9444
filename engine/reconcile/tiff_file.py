"""The picture in a TIFF file, read by the specifications (TIFF 6.0, BigTIFF): directories, strips or tiles, planes.

Fax codes and JPEG are left to Pillow, and so is unpacking one strip of LZW; all that is done with the bytes is done
here, where Pillow would cut deep colours to 8 bits.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from engine.reconcile.codestream import StreamEnds
from engine.reconcile.picture import Picture, SourceWanting
from engine.reconcile.run_length import packed_bits
from protocol.vocabulary import FindingCode

Tags = Mapping[int, tuple[int, ...]]

_EXIF = b"Exif\0\0"
_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_KIND, _WIDTH, _HEIGHT, _BITS, _PACKING, _COLOURS, _FILL, _SAMPLES = 254, 256, 257, 258, 259, 262, 266, 277
_ORIENTATION, _COLOUR_MAP = 274, 320
_ROWS, _PLANES, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _SIGN = 278, 284, 317, 322, 323, 339
_PIECES, _LENGTHS = {False: 273, True: 324}, {False: 279, True: 325}  # strips, tiles
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q"}
_SMALLER_OR_MASK = 5
_BY_PALETTE = 3
_FAX, _JPEG, _OWN = frozenset({2, 3, 4}), 7, frozenset({1, 5, 8, 32946, 32773})
_LZW, _DEFLATE, _PACK_BITS = 5, frozenset({8, 32946}), 32773
_MOST_PAGES, _LONGEST_SIDE, _MOST_PIXELS = 64, 32_767, 100_000_000
# Of one tag: strips and tiles at the limit for pictures, colours of 16 bits; nothing else that is asked for has many.
_MOST_NUMBERS = {273: 1 << 21, 279: 1 << 21, 324: 1 << 21, 325: 1 << 21, 320: 3 << 16}
_FEW_NUMBERS = 16


def is_tiff(data: bytes) -> bool:
    return data[:4] in _STARTS


@dataclass(frozen=True, slots=True)
class _Page:
    """One directory; `order` is "<" or ">"."""

    tags: Tags
    order: str

    def first(self, tag: int, default: int) -> int:
        return (self.tags.get(tag) or (default,))[0]

    @property
    def size(self) -> tuple[int, int]:
        return self.first(_HEIGHT, 0), self.first(_WIDTH, 0)

    @property
    def samples(self) -> int:
        return self.first(_SAMPLES, 1)

    @property
    def depth(self) -> int:
        return self.first(_BITS, 1)

    @property
    def packing(self) -> int:
        return self.first(_PACKING, 1)

    @property
    def is_tiled(self) -> bool:
        return _TILE_WIDTH in self.tags

    @property
    def is_apart(self) -> bool:
        return self.samples > 1 and self.first(_PLANES, 1) == 2

    @property
    def orientation(self) -> int:
        """1 to 8; 1 where nothing, or nonsense, is stated."""
        stated = self.first(_ORIENTATION, 1)
        return stated if 1 <= stated <= 8 else 1

    @property
    def piece(self) -> tuple[int, int]:
        """Rows and columns of a strip or tile."""
        if self.is_tiled:
            return self.first(_TILE_HEIGHT, 0), self.first(_TILE_WIDTH, 0)
        return min(self.first(_ROWS, self.size[0]), self.size[0]), self.size[1]


def tiff_picture(data: bytes) -> Picture:
    """The one page that is no preview or mask. Raises SourceWanting, StreamEnds for a file that ends too early."""
    pages = (page for page in _pages(data) if not page.first(_KIND, 0) & _SMALLER_OR_MASK)
    page = next(pages, None)
    if page is None:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "no page in the file")
    if next(pages, None) is not None:
        raise SourceWanting(FindingCode.MULTIFRAME, "more than one page in one file")
    _require_known(page)
    pieces = list(_raw_pieces(data, page))
    is_negative = page.first(_COLOURS, 1) == 0
    samples = _shown(page, _samples(page, pieces)) if page.packing in _OWN else _by_pillow(data, page)
    bits = samples.dtype.itemsize * 8
    return Picture(samples, bits, bits, "tiff", is_negative, samples.dtype.kind == "i", exif=page.orientation)


def orientation_in(block: bytes) -> int:
    """The orientation 1-8 that an EXIF block states; 1 for nothing or nonsense."""
    try:
        return next(_pages(block.removeprefix(_EXIF))).orientation if is_tiff(block.removeprefix(_EXIF)) else 1
    except (StreamEnds, SourceWanting, StopIteration, struct.error):
        return 1


def _pages(data: bytes) -> Iterator[_Page]:
    order, is_big = "<" if data[:1] == b"I" else ">", b"+" in data[2:4]
    place, count, first = ("Q", "Q", 8) if is_big else ("I", "H", 4)
    (at,) = struct.unpack_from(order + place, data, first)
    for _ in range(_MOST_PAGES):
        if not at:
            return
        at, entries = _moved(data, at, order + count)
        end = at + entries * (20 if is_big else 12)
        if end > len(data):
            raise StreamEnds("the file ends within a directory")
        yield _Page(dict(_entries(data, range(at, end, 20 if is_big else 12), order, place)), order)
        (at,) = struct.unpack_from(order + place, data, end)
    raise SourceWanting(FindingCode.MULTIFRAME, "more pages than a picture has")


def _moved(data: bytes, at: int, form: str) -> tuple[int, int]:
    if at + 2 > len(data):
        raise StreamEnds("the file ends before a directory")
    return at + struct.calcsize(form), struct.unpack_from(form, data, at)[0]


def _entries(data: bytes, places: range, order: str, place: str) -> Iterator[tuple[int, tuple[int, ...]]]:
    head = struct.Struct(f"{order}HH{place}")
    for at in places:
        tag, kind, count = head.unpack_from(data, at)
        if kind not in _NUMBERS or count > _MOST_NUMBERS.get(tag, _FEW_NUMBERS):
            continue
        size, start = count * struct.calcsize(_NUMBERS[kind]), at + head.size
        if size > struct.calcsize(place):
            (start,) = struct.unpack_from(order + place, data, start)
        if start + size > len(data):
            raise StreamEnds("the file ends before the numbers of a tag")
        yield tag, struct.unpack_from(f"{order}{count}{_NUMBERS[kind]}", data, start)


def _require_known(page: _Page) -> None:
    for rows, columns in (page.size, page.piece):
        if rows > _LONGEST_SIDE or columns > _LONGEST_SIDE or rows * columns > _MOST_PIXELS or page.samples > 4:
            raise SourceWanting(FindingCode.TOO_LARGE, "more pixels than a picture has")
    if not min(*page.size, *page.piece):
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "an empty picture")
    if not (_is_of_known_packing(page) and _is_of_known_colours(page)):
        raise SourceWanting(FindingCode.NO_DECODER, "packing, depth or colours that no target holds")
    if page.first(_COLOURS, 1) == _BY_PALETTE:
        _require_colour_map(page)


def _require_colour_map(page: _Page) -> None:
    """As many reds, greens and blues as there are indices, of 16 bits; 8 bits in their place are one writer's error."""
    numbers = page.tags.get(_COLOUR_MAP, ())
    if len(numbers) != 3 * 2**page.depth:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "a palette that does not name every colour")
    if any(numbers) and not any(number > 255 for number in numbers):
        raise SourceWanting(FindingCode.NO_DECODER, "a palette whose depth nobody can tell")


def _is_of_known_packing(page: _Page) -> bool:
    if page.packing in _OWN:
        return page.first(_FILL, 1) == 1 and page.first(_PREDICTOR, 1) in (1, 2)
    return page.packing in _FAX or page.packing == _JPEG


def _is_of_known_colours(page: _Page) -> bool:
    depths, colours, sign = set(page.tags.get(_BITS, (1,))), page.first(_COLOURS, 1), page.first(_SIGN, 1)
    of_packing = {8} if page.packing == _JPEG else {1} if page.packing in _FAX else {1, 2, 4, 8, 16}
    is_deep = min(depths) >= 8
    has_colours = (0, 1, 2, 6) if page.packing == _JPEG else (0, 1, 2) if page.packing in _FAX else (0, 1, 2, 3)
    is_plain = sign in (1, 4) or (sign == 2 and page.samples == 1 and is_deep and colours != _BY_PALETTE)
    samples = ((1, 2) if colours < 2 else (3, 4)) if is_deep and colours != _BY_PALETTE else (1,)
    return len(depths) == 1 and depths <= of_packing and colours in has_colours and is_plain and page.samples in samples


def _raw_pieces(data: bytes, page: _Page) -> Iterator[bytes]:
    starts, sizes = page.tags.get(_PIECES[page.is_tiled], ()), page.tags.get(_LENGTHS[page.is_tiled], ())
    for start, size in zip(starts, sizes, strict=True):
        if start + size > len(data):
            raise StreamEnds("the file ends within its picture")
        yield data[start : start + size]


def _by_pillow(data: bytes, page: _Page) -> NDArray[Any]:
    """The samples as they lie: Pillow would turn the picture by its orientation, and inverts a negative."""
    is_negative, stated = page.first(_COLOURS, 1) == 0, page.first(_ORIENTATION, 1)
    for count in "IQ":
        entry = struct.Struct(f"{page.order}HH{count}H")
        data = data.replace(entry.pack(_ORIENTATION, 3, 1, stated), entry.pack(_ORIENTATION, 3, 1, 1))
    with Pillow.open(io.BytesIO(data), formats=("TIFF",)) as image:
        image.load()
        if image.mode == "RGB":
            return np.asarray(image)
        if image.mode not in ("1", "L"):
            raise SourceWanting(FindingCode.NO_DECODER, "colours of a kind that no target holds")
        shown = np.asarray(image.convert("L"))
    return 255 - shown if is_negative else shown


def _samples(page: _Page, pieces: list[bytes]) -> NDArray[Any]:
    """(h, w) or (h, w, n), in this machine's byte order; depths below 8 bits spread over 8."""
    (height, width), (rows, columns) = page.size, page.piece
    planes, together = (page.samples, 1) if page.is_apart else (1, page.samples)
    out = np.zeros((planes, height, width, together), _type(page).newbyteorder("="))
    corners = [
        (plane, top, left)
        for plane in range(planes)
        for top in range(0, height, rows)
        for left in range(0, width, columns)
    ]
    for (plane, top, left), raw in zip(corners, pieces, strict=True):
        tall = rows if page.is_tiled else min(rows, height - top)
        square = _square(page, raw, (tall, columns, together))
        room = out[plane, top : top + tall, left : left + columns]
        room[:] = square[: room.shape[0], : room.shape[1]]
    whole = out[..., 0].transpose(1, 2, 0) if page.is_apart else out[0]
    return np.ascontiguousarray(whole[..., 0] if page.samples == 1 else whole)


def _type(page: _Page) -> np.dtype[Any]:
    return np.dtype(f"{page.order}{'i' if page.first(_SIGN, 1) == 2 else 'u'}{max(page.depth, 8) // 8}")


def _square(page: _Page, raw: bytes, shape: tuple[int, int, int]) -> NDArray[Any]:
    """One strip or tile."""
    rows, columns, together = shape
    line = (columns * together * page.depth + 7) // 8
    plain = np.frombuffer(_unpacked(page.packing, raw, rows, line), np.uint8)
    if len(plain) < rows * line:
        raise ValueError("fewer samples than a strip or tile has")
    lines = plain[: rows * line].reshape(rows, line)
    if page.depth < 8:
        return _spread(lines, page.depth, columns)[..., None]
    square = lines.view(_type(page)).reshape(shape)
    native = square.astype(square.dtype.newbyteorder("="), copy=False)
    return native.cumsum(axis=1, dtype=native.dtype) if page.first(_PREDICTOR, 1) == 2 else native


def _spread(lines: NDArray[np.uint8], depth: int, columns: int) -> NDArray[np.uint8]:
    bits = np.unpackbits(lines, axis=1).reshape(len(lines), -1, depth)[:, :columns]
    values: NDArray[Any] = bits @ (1 << np.arange(depth)[::-1])
    return (values * (255 // ((1 << depth) - 1))).astype(np.uint8)


def _unpacked(packing: int, raw: bytes, rows: int, line: int) -> bytes:
    if packing in _DEFLATE:
        return _inflated(raw, rows * line)
    if packing == _PACK_BITS:
        return bytes(packed_bits(raw, rows * line))
    return _lzw(raw, rows, line) if packing == _LZW else raw


def _inflated(raw: bytes, size: int) -> bytes:
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(raw, size) + unpacker.decompress(unpacker.unconsumed_tail, 64)
    if not unpacker.eof:  # the checksum is looked at only there
        raise ValueError("a strip or tile without an end")
    return plain


def _lzw(raw: bytes, rows: int, line: int) -> bytes:
    """Bytes of LZW, by way of a TIFF file of nothing else: one strip, eight bits a sample."""
    tags = {256: line, 257: rows, 258: 8, 259: _LZW, 262: 1, 273: 8, 277: 1, 278: rows, 279: len(raw)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    body = raw + bytes(len(raw) % 2)
    file = b"II*\0" + struct.pack("<I", 8 + len(body)) + body + struct.pack("<H", len(tags)) + entries + bytes(4)
    with Pillow.open(io.BytesIO(file), formats=("TIFF",)) as image:
        return image.tobytes()


def _shown(page: _Page, samples: NDArray[Any]) -> NDArray[Any]:
    """The samples as they are, or the colours that they name."""
    if page.first(_COLOURS, 1) != _BY_PALETTE:
        return _opaque(samples)
    named = np.array(page.tags[_COLOUR_MAP], dtype=np.int64)
    high, low = named >> 8, named & 255
    table = (high.astype(np.uint8) if (high == low).all() else named.astype(np.uint16)).reshape(3, 2**page.depth)
    step = 1 if page.depth >= 8 else 255 // (2**page.depth - 1)
    return np.stack([colour[samples // step] for colour in table], axis=2)


def _opaque(samples: NDArray[Any]) -> NDArray[Any]:
    """Without the last channel of two or four, if it says that every pixel is wholly opaque."""
    if samples.ndim == 2 or samples.shape[2] == 3:
        return samples
    if samples[..., -1].min() != np.iinfo(samples.dtype).max:
        raise SourceWanting(FindingCode.NO_DECODER, "transparent pixels have no home in the target")
    return np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 2 else samples[..., :3])
