"""BMP files: headers from OS/2 1.x (12 bytes) to version 5 (124), 1 to 32 bits, run lengths, either row order.

Source: Microsoft, "Bitmap Storage" and [MS-WMF] 2.2.2. Read here, as no library reads all of it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders.alpha import without_alpha
from engine.imaging.decoders.availability import AVAILABLE, Availability
from engine.imaging.decoders.bmp_runs import unrolled
from engine.imaging.limits import require_dimensions
from engine.imaging.pixels import MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "bmp"
_FILE_HEADER: Final = 14  # bytes
_OS2, _INFO = 12, frozenset({40, 52, 56, 64, 108, 124})  # sizes of the second header
_RGB, _RLE8, _RLE4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6  # kinds of compression
_MASKED = frozenset({_MASKS, _ALPHA_MASKS})
# Kinds of compression, and the bits of a pixel each may have.
_DEPTHS: Final = {_RGB: (1, 4, 8, 16, 24, 32), _RLE8: (8,), _RLE4: (4,), _MASKS: (16, 32), _ALPHA_MASKS: (16, 32)}
# Where red, green and blue stand in a pixel of 16 or 32 bits that brings no masks of its own.
_PLAIN_MASKS: Final = {16: (0x7C00, 0x03E0, 0x001F, 0), 32: (0xFF0000, 0x00FF00, 0x0000FF, 0)}


@dataclass(frozen=True, slots=True)
class _Header:
    size: int
    start: int
    width: int
    height: int
    depth: int
    kind: int
    colours: int

    @property
    def rows(self) -> int:
        return abs(self.height)

    @property
    def stride(self) -> int:
        """Bytes of a row, which ends at a multiple of four."""
        return (self.width * self.depth + 31) // 32 * 4

    @property
    def padding(self) -> int:
        """Bytes of a row behind its last pixel."""
        return self.stride - (self.width * self.depth + 7) // 8


def matches(data: bytes) -> bool:
    return data[:2] == b"BM" and data[6:10] == b"\0\0\0\0"


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> Availability:
    return AVAILABLE


def decode(data: bytes) -> Pixels:
    """The picture, top row first; a palette of greys gives grey. Raises ImageProblem."""
    with foreign("the BMP header"):
        header = _header(data)
    _require_known_form(header)
    with foreign("the BMP data"):
        array = _picture(data, header)
        upright = array if header.height < 0 else array[::-1]
        return Pixels(np.ascontiguousarray(upright), 8, RGB if array.ndim == 3 else MONOCHROME2, encoding=FORMAT)


def _header(data: bytes) -> _Header:
    try:
        start, size = struct.unpack_from("<II", data, 10)
        if size == _OS2:
            width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
            return _Header(size, start, width, height, depth, _RGB, 0)
        if size not in _INFO:
            raise ImageProblem(FindingCode.NO_DECODER, f"BMP with a header of {size} bytes")
        width, height, _, depth, kind, _, _, _, colours = struct.unpack_from("<iiHHIIiiI", data, 18)
        return _Header(size, start, width, height, depth, kind, colours)
    except struct.error as problem:
        raise ImageProblem(FindingCode.TRUNCATED, f"a BMP of {len(data)} bytes") from problem


def _require_known_form(header: _Header) -> None:
    require_dimensions(header.width, header.rows)
    if header.start < _FILE_HEADER + header.size:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"a BMP whose picture begins within its header: {header.start}")
    if header.depth not in _DEPTHS.get(header.kind, ()):
        raise ImageProblem(FindingCode.NO_DECODER, f"BMP of {header.depth} bits, compression {header.kind}")
    if header.size == 64 and header.kind != _RGB:
        raise ImageProblem(FindingCode.NO_DECODER, f"OS/2 BMP with compression {header.kind}")


def _picture(data: bytes, header: _Header) -> NDArray[Any]:
    """Rows in the order of the file."""
    if header.kind in (_RLE8, _RLE4):
        indices = unrolled(data[header.start :], header.width, header.rows, header.depth)
        return _coloured(data, header, indices)
    rows = _rows(data, header)
    if header.depth <= 8:
        return _coloured(data, header, _indices(rows, header))
    if header.depth == 24:
        return rows[:, : header.width * 3].reshape(header.rows, header.width, 3)[..., ::-1]
    words = rows[:, : header.width * header.depth // 8].copy().view(f"<u{header.depth // 8}")
    if header.depth == 32 and header.kind == _RGB:
        _require_idle(words >> np.uint32(24))
    return _unmasked(words, _masks(data, header))


def _rows(data: bytes, header: _Header) -> NDArray[np.uint8]:
    size = header.stride * header.rows
    wanting = header.start + size - len(data)
    if wanting > header.padding:
        raise ImageProblem(FindingCode.TRUNCATED, f"{len(data)} of {header.start + size} bytes")
    whole = data + bytes(wanting) if wanting > 0 else data  # some programs leave out what pads the last row
    return np.frombuffer(whole, np.uint8, size, header.start).reshape(header.rows, header.stride)


def _indices(rows: NDArray[np.uint8], header: _Header) -> NDArray[np.uint8]:
    """The palette index of each pixel; the first one is in the highest bits of a byte."""
    bits = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)
    spread = rows[..., None] >> bits & ((1 << header.depth) - 1)
    return spread.reshape(header.rows, -1)[:, : header.width].astype(np.uint8, copy=False)


def _coloured(data: bytes, header: _Header, indices: NDArray[np.uint8]) -> NDArray[np.uint8]:
    palette = _palette(data, header)
    if int(indices.max()) >= len(palette):
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "a pixel names a colour beyond the palette")
    is_grey = (palette == palette[:, :1]).all()
    return palette[:, 0][indices] if is_grey else palette[indices]


def _palette(data: bytes, header: _Header) -> NDArray[np.uint8]:
    """(n, 3) of red, green and blue; the file has blue first."""
    entry = 3 if header.size == _OS2 else 4
    most = 1 << header.depth
    if header.colours > most:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"{header.colours} colours for {header.depth} bits")
    count, start = min(header.colours or most, most), _FILE_HEADER + header.size
    count = min(count, max(header.start - start, 0) // entry)
    if count < 1 or start + count * entry > len(data):
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "a BMP without its palette")
    return np.frombuffer(data, np.uint8, count * entry, start).reshape(count, entry)[:, 2::-1]


def _require_idle(fourth: NDArray[Any]) -> None:
    """The fourth byte of a plain 32-bit pixel means nothing, but some programs keep there how opaque it is."""
    if fourth.min() != fourth.max() or fourth.flat[0] not in (0, 255):
        raise ImageProblem(FindingCode.NO_DECODER, "BMP with transparent pixels, which would be lost")


def _masks(data: bytes, header: _Header) -> tuple[int, ...]:
    """Bits of red, green, blue and how opaque a pixel is, none if the file does not say."""
    if header.kind not in _MASKED:
        return _PLAIN_MASKS[header.depth]
    has_alpha = header.size >= 56 or header.kind == _ALPHA_MASKS
    found = struct.unpack_from("<4I" if has_alpha else "<3I", data, _FILE_HEADER + 40)
    return found if has_alpha else (*found, 0)


def _unmasked(words: NDArray[Any], masks: tuple[int, ...]) -> NDArray[np.uint8]:
    """(h, w, 3) of 8 bits. Fields of fewer bits are spread: the highest value is 255."""
    if not all(masks[:3]):
        raise ImageProblem(FindingCode.NO_DECODER, "BMP without bits for one of its colours")
    array = np.stack([_field(words, mask) for mask in (masks if masks[3] else masks[:3])], axis=2)
    return without_alpha(array, "BMP")


def _field(words: NDArray[Any], mask: int) -> NDArray[np.uint8]:
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    if most & (most + 1) or most > 255:
        raise ImageProblem(FindingCode.NO_DECODER, f"BMP with a field of bits {mask:x}")
    field = (words.astype(np.uint32) & np.uint32(mask)) >> np.uint32(shift)
    spread: NDArray[np.uint8] = (field * np.uint32(255) // np.uint32(most)).astype(np.uint8)
    return spread
