"""TIFF files, classic and BigTIFF: one page, grey, colour or palette, strips or tiles; libtiff for fax and JPEG."""

from __future__ import annotations

from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders import tiff_palette, tiff_pieces
from engine.imaging.decoders.alpha import without_alpha
from engine.imaging.decoders.availability import Availability, codec
from engine.imaging.decoders.tiff_tags import COLOUR_PROFILE, Tags, directories, first, orientation_of, upright
from engine.imaging.limits import require_dimensions, require_frames, require_samples
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, PROFILE, RGB, Pixels
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

FORMAT = "tiff"
_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_FILL_ORDER, _SAMPLES, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _SIGN = 266, 277, 317, 322, 323, 339
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # strips, tiles
_NO_PICTURE = 0b101  # bits of the kind of a page: a smaller version of another one, a mask
_FLOATING, _SIGNED = 3, 2
_WHITE_IS_ZERO = 0
_PALETTE: Final = 3
# 6: YCbCr, by way of JPEG only.
_PHOTOMETRICS: Final = {_WHITE_IS_ZERO: MONOCHROME1, 1: MONOCHROME2, 2: RGB, _PALETTE: RGB, 6: RGB}
_JPEG: Final = 7
# What libtiff unpacks: CCITT (Huffman, group 3 and 4) and JPEG; the rest is put together here.
_FAX: Final = frozenset({2, 3, 4})
_COMPRESSIONS: Final = tiff_pieces.COMPRESSIONS | _FAX | {_JPEG}
_DEPTHS: Final = frozenset({1, 2, 4, 8, 16})


def matches(data: bytes) -> bool:
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def encoding(data: bytes) -> str:
    return FORMAT


def is_available(encoding: str) -> Availability:
    return codec("TIFF")


def decode(data: bytes) -> Pixels:
    """The one page that is not a preview or a mask. Raises ImageProblem."""
    is_available(FORMAT).require()
    with foreign("the TIFF directories"):
        index, tags = _page(data)
        _require_within_limits(tags)
        _require_known_form(tags)
        _require_complete(tags, len(data))
    with foreign("the TIFF data"):
        return _pixels(_array(data, index, tags), tags)


def _page(data: bytes) -> tuple[int, Tags]:
    """The one directory that is no preview and no mask, and its place; no other is kept, as each may be large."""
    found: tuple[int, Tags] | None = None
    for index, tags in enumerate(directories(data)):
        if not first(tags, _KIND, 0) & _NO_PICTURE:
            require_frames(1 if found is None else 2)
            found = index, tags
    if found is None:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "a TIFF without a page")
    return found


def _require_within_limits(tags: Tags) -> None:
    require_dimensions(first(tags, _WIDTH, 0), first(tags, _HEIGHT, 0))
    require_samples(first(tags, _SAMPLES, 1))
    if _TILE_WIDTH in tags:  # a tile is unpacked whole, however little of it is picture
        require_dimensions(first(tags, _TILE_WIDTH, 0), first(tags, _TILE_HEIGHT, 0))


def _require_known_form(tags: Tags) -> None:
    """Raises ImageProblem NO_DECODER for what no target holds, or no viewer of photos shows."""
    depths, compression = set(tags.get(_BITS, (1,))), first(tags, _COMPRESSION, 1)
    photometric, sign = first(tags, _PHOTOMETRIC, 1), first(tags, _SIGN, 1)
    if compression not in _COMPRESSIONS:
        raise ImageProblem(FindingCode.NO_DECODER, f"TIFF compression {compression}")
    if photometric not in _PHOTOMETRICS or (photometric == 6 and compression != _JPEG):
        raise ImageProblem(FindingCode.NO_DECODER, f"TIFF with colours of kind {photometric}")
    if len(depths) > 1 or not depths <= _DEPTHS or sign >= _FLOATING:
        raise ImageProblem(FindingCode.NO_DECODER, f"TIFF of {sorted(depths)} bits, samples of kind {sign}")
    few = {8} if compression == _JPEG else {1} if compression in _FAX else _DEPTHS
    if not depths <= few or (first(tags, _SAMPLES, 1) > 1 and min(depths) < 8):
        raise ImageProblem(FindingCode.NO_DECODER, f"TIFF of {sorted(depths)} bits under compression {compression}")
    if first(tags, _FILL_ORDER, 1) != 1 or first(tags, _PREDICTOR, 1) > 2:
        raise ImageProblem(FindingCode.NO_DECODER, "TIFF with bits turned round, or a floating-point predictor")
    if sign == _SIGNED and (_PHOTOMETRICS[photometric] == RGB or not depths <= {8, 16}):
        raise ImageProblem(FindingCode.NO_DECODER, "TIFF with signed colours, or signed samples below 8 bits")
    if photometric == _PALETTE:
        if compression not in tiff_pieces.COMPRESSIONS or first(tags, _SAMPLES, 1) > 1:
            raise ImageProblem(FindingCode.NO_DECODER, f"TIFF palette under compression {compression}, or with alpha")
        tiff_palette.require_map(tags)


def _require_complete(tags: Tags, size: int) -> None:
    for offsets, counts in zip(_OFFSETS, _COUNTS, strict=True):
        parts = zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)
        if any(offset + count > size for offset, count in parts):
            raise ImageProblem(FindingCode.TRUNCATED, f"picture data beyond the end at {size} bytes")


def _array(data: bytes, index: int, tags: Tags) -> NDArray[Any]:
    if first(tags, _COMPRESSION, 1) in tiff_pieces.COMPRESSIONS:
        return tiff_pieces.assembled(data, tags)
    array = imagecodecs.tiff_decode(upright(data, orientation_of(tags)), index)
    return array.astype(np.uint8) * np.uint8(255) if first(tags, _BITS, 1) == 1 else array  # spread, as in PNG


def _pixels(array: NDArray[Any], tags: Tags) -> Pixels:
    photometric = _PHOTOMETRICS[first(tags, _PHOTOMETRIC, 1)]
    is_palette = first(tags, _PHOTOMETRIC, 1) == _PALETTE
    array = tiff_palette.to_rgb(array, tags) if is_palette else without_alpha(array, "TIFF")
    if array.shape[2:] != ((3,) if photometric == RGB else ()):
        raise ImageProblem(FindingCode.NO_DECODER, f"TIFF with {array.shape[2:]} samples for {photometric}")
    return Pixels(
        np.ascontiguousarray(array),
        array.dtype.itemsize * 8,
        photometric,
        array.dtype.kind == "i",
        lossy=first(tags, _COMPRESSION, 1) == _JPEG,
        encoding=FORMAT,
        exif=orientation_of(tags),
        beside=(PROFILE,) if COLOUR_PROFILE in tags else (),
    )
