"""Strips and tiles of a TIFF page, unpacked one by one and put in their places (TIFF 6.0; planes, predictor 2).

libtiff is not asked: of a damaged strip it may hand out what it has, and call it a picture.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders import lzw
from engine.imaging.decoders.tiff_tags import Tags, first
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS, _PLANAR = 256, 257, 258, 259, 277, 278, 284
_PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _SIGN = 317, 322, 323, 339
_STRIPS, _TILES = (273, 279), (324, 325)  # where each piece begins, and its bytes
_LZW, _DEFLATE, _PACKBITS = 5, frozenset({8, 32946}), 32773
COMPRESSIONS: Final = frozenset({1, _LZW, *_DEFLATE, _PACKBITS})
_SEPARATE, _DIFFERENCES, _SIGNED = 2, 2, 2


@dataclass(frozen=True, slots=True)
class _Page:
    """How a page is cut. Depths are in bits; `together` is how many samples of a pixel lie side by side."""

    width: int
    height: int
    planes: int
    together: int
    depth: int
    dtype: np.dtype[Any]
    piece: tuple[int, int]
    is_tiled: bool
    compression: int
    has_differences: bool

    @property
    def line(self) -> int:
        """Bytes of one row of a strip or tile."""
        return (self.piece[1] * self.together * self.depth + 7) // 8


def assembled(data: bytes, tags: Tags) -> NDArray[Any]:
    """(h, w) or (h, w, samples); depths below 8 bits are spread over 8.

    Raises ImageProblem TRUNCATED for pieces beyond the end of the file, UNREADABLE_FILE for damaged ones.
    """
    page = _page(tags, ">" if data[:1] == b"M" else "<")
    out = np.empty((page.planes, page.height, page.width, page.together), page.dtype.newbyteorder("="))
    for raw, (plane, top, left) in zip(_raw(data, tags, page), _corners(page), strict=True):
        height = page.piece[0] if page.is_tiled else min(page.piece[0], page.height - top)
        room = out[plane, top : top + height, left : left + page.piece[1]]
        room[:] = _samples(raw, page, height)[: room.shape[0], : room.shape[1]]
    whole = out[0] if page.planes == 1 else out[..., 0].transpose(1, 2, 0)
    return whole[..., 0] if whole.shape[2] == 1 else whole


def _page(tags: Tags, order: str) -> _Page:
    width, height, depth = (first(tags, tag, 1) for tag in (_WIDTH, _HEIGHT, _BITS))
    samples, is_tiled = first(tags, _SAMPLES, 1), _TILE_WIDTH in tags
    is_apart = samples > 1 and first(tags, _PLANAR, 1) == _SEPARATE
    strip = (min(max(first(tags, _ROWS, height), 1), height), width)
    return _Page(
        width,
        height,
        samples if is_apart else 1,
        1 if is_apart else samples,
        depth,
        np.dtype(f"{order}{'i' if first(tags, _SIGN, 1) == _SIGNED else 'u'}{max(depth, 8) // 8}"),
        (first(tags, _TILE_HEIGHT, 0), first(tags, _TILE_WIDTH, 0)) if is_tiled else strip,
        is_tiled,
        first(tags, _COMPRESSION, 1),
        first(tags, _PREDICTOR, 1) == _DIFFERENCES,
    )


def _corners(page: _Page) -> list[tuple[int, int, int]]:
    """Plane, top and left of each piece, in the order of the file."""
    tops, lefts = range(0, page.height, page.piece[0]), range(0, page.width, page.piece[1])
    return [(plane, top, left) for plane in range(page.planes) for top in tops for left in lefts]


def _raw(data: bytes, tags: Tags, page: _Page) -> Iterator[bytes]:
    offsets, counts = (tags.get(tag, ()) for tag in (_TILES if page.is_tiled else _STRIPS))
    if not len(offsets) == len(counts) == len(_corners(page)):
        raise ImageProblem(
            FindingCode.UNREADABLE_FILE, f"{len(offsets)} pieces of a TIFF, {len(_corners(page))} expected"
        )
    return (data[offset : offset + count] for offset, count in zip(offsets, counts, strict=True))


def _samples(raw: bytes, page: _Page, height: int) -> NDArray[Any]:
    """One piece as (height, width, together)."""
    unpacked = _unpacked(raw, page.compression, height * page.line)
    lines = np.frombuffer(unpacked, np.uint8, height * page.line).reshape(height, page.line)
    if page.depth < 8:
        return _spread(lines, page.depth)[..., None]
    samples = lines.view(page.dtype).reshape(height, -1, page.together).astype(page.dtype.newbyteorder("="), copy=False)
    return np.add.accumulate(samples, axis=1, dtype=samples.dtype) if page.has_differences else samples


def _spread(lines: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Samples of 1, 2 or 4 bits, the first in the highest bits of a byte, as 0-255."""
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    most = (1 << depth) - 1
    values = (lines[..., None] >> shifts & most) * np.uint8(255 // most)
    return values.reshape(len(lines), -1).astype(np.uint8, copy=False)


def _unpacked(raw: bytes, compression: int, size: int) -> bytes:
    """The bytes of a piece, `size` of them or a few more."""
    if compression == _LZW:
        found = lzw.unpacked(raw, size)
    elif compression == _PACKBITS:
        found = bytes(imagecodecs.packbits_decode(raw, out=bytearray(size + 128)))  # the last run may be a pad
    else:
        found = _inflated(raw, size) if compression in _DEFLATE else raw
    if len(found) < size:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"a piece of a TIFF with {len(found)} of {size} bytes")
    return found


def _inflated(raw: bytes, size: int) -> bytes:
    """As many bytes, with the checksum that follows them."""
    stream = zlib.decompressobj()
    found = stream.decompress(raw, size + 1)
    if not stream.eof:
        stream.decompress(stream.unconsumed_tail, 1)
    if not stream.eof:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "a deflated piece of a TIFF without an end")
    return found
