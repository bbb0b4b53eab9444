"""TIFF files: one page, grey or colour, 1 to 16 bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders.tiff_tags import directories, orientation_of
from engine.imaging.limits import require_dimensions, require_frames
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "tiff"
_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # strips, tiles
_PREVIEW = 1  # bit of the kind of a page: a smaller version of another one
_WHITE_IS_ZERO = 0
_PHOTOMETRICS = {_WHITE_IS_ZERO: MONOCHROME1, 1: MONOCHROME2, 2: RGB, 6: RGB}  # 6: YCbCr, which decodes to RGB
_LOSSY = frozenset({6, 7})  # JPEG

Tags = Mapping[int, tuple[int, ...]]


def matches(data: bytes) -> bool:
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> bool:
    return bool(imagecodecs.TIFF.available)


def decode(data: bytes) -> Pixels:
    """The one page that is not a preview. Raises ImageProblem."""
    with foreign("the TIFF directories"):
        pages = [(index, tags) for index, tags in enumerate(directories(data)) if not _first(tags, _KIND, 0) & _PREVIEW]
        require_frames(len(pages))
        index, tags = pages[0]
        require_dimensions(_first(tags, _WIDTH, 0), _first(tags, _HEIGHT, 0))
        _require_complete(tags, len(data))
    with foreign("the TIFF data"):
        return _pixels(imagecodecs.tiff_decode(data, index), tags)


def _pixels(array: NDArray[Any], tags: Tags) -> Pixels:
    depth = _first(tags, _BITS, 1)
    if depth < 8:
        array = array.astype(np.uint8) * np.uint8(255 // ((1 << depth) - 1))  # spread over 8 bits, as in PNG
    photometric = _PHOTOMETRICS.get(_first(tags, _PHOTOMETRIC, 1))
    shape = (3,) if photometric == RGB else ()
    if photometric is None or array.shape[2:] != shape or array.dtype not in (np.uint8, np.uint16):
        detail = f"TIFF of photometric {_first(tags, _PHOTOMETRIC, 1)}, {array.shape}, {array.dtype}"
        raise ImageProblem(FindingCode.NO_DECODER, detail)
    return Pixels(
        np.ascontiguousarray(array),
        min(max(depth, 8), array.dtype.itemsize * 8) if array.ndim == 2 else array.dtype.itemsize * 8,
        photometric,
        lossy=_first(tags, _COMPRESSION, 1) in _LOSSY,
        encoding=FORMAT,
        exif=orientation_of(tags),
    )


def _first(tags: Tags, tag: int, default: int) -> int:
    values = tags.get(tag)
    return values[0] if values else default


def _require_complete(tags: Tags, size: int) -> None:
    for offsets, counts in zip(_OFFSETS, _COUNTS, strict=True):
        parts = zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)
        if any(offset + count > size for offset, count in parts):
            raise ImageProblem(FindingCode.TRUNCATED, f"picture data beyond the end at {size} bytes")
