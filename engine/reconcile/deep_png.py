"""PNG as its specification has it (W3C, chapters 5 to 11): what Pillow cuts to 8 bits, and what it leaves to others.

Pillow would cut colours of 16 bits; it does not say whether a file is whole, or whether a pixel lets others through.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from engine.reconcile.picture import SourceWanting
from protocol.vocabulary import FindingCode

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {2: 3, 4: 2, 6: 4}  # colour types that Pillow cuts: colours, greys with alpha, colours with alpha
_HEAD = struct.Struct(">II5B")
# Adam7: the first column and row of each pass, and how far apart its columns and rows are.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_MOST_PIXELS = 100_000_000

Line = NDArray[np.uint8]


def is_deep_colour(data: bytes) -> bool:
    """Whether these bytes begin a PNG of several channels of 16 bits."""
    if data[:8] != _SIGNATURE or len(data) <= 33:
        return False
    bits, kind = _HEAD.unpack_from(data, 16)[2:4]
    return bits == 16 and kind in _CHANNELS


def deep_colour(data: bytes) -> NDArray[np.uint16]:
    """(h, w) or (h, w, 3) samples.

    Raises ValueError for a picture with fewer lines than promised, SourceWanting if one of its pixels is not opaque.
    """
    width, height, _, kind, _, _, is_interlaced = _HEAD.unpack_from(data, 16)
    if not 0 < width * height <= _MOST_PIXELS:
        raise SourceWanting(FindingCode.TOO_LARGE, "more pixels than a picture has")
    passes = _PASSES if is_interlaced else ((0, 0, 1, 1),)
    out = np.empty((height, width, _CHANNELS[kind]), np.uint16)
    packed = _inflated(data, height * (width * _CHANNELS[kind] * 2 + 1) * 2)
    for left, top, across, down in passes:
        room = out[top::down, left::across]
        if room.size:
            size = room.shape[0] * (room.shape[1] * room.shape[2] * 2 + 1)
            room[:] = _lines(packed[:size], room.shape)
            packed = packed[size:]
    if packed:
        raise ValueError("another number of lines than promised")
    return _opaque(out, chunk_of(data, b"tRNS"))


def is_cut_png(data: bytes) -> bool:
    """Whether these bytes begin a PNG and end before its end, be it only by a checksum."""
    if data[:8] != _SIGNATURE:
        return False
    ends = (end for kind, _, end in _chunks(data) if kind == b"IEND")
    return next(ends, len(data) + 1) > len(data)


def hides_nothing(data: bytes, image: Pillow.Image) -> bool:
    """Whether no pixel of a PNG has the colour, or the palette entry, that its tRNS chunk makes transparent."""
    marks = chunk_of(data, b"tRNS")
    if marks is None or image.mode in ("LA", "RGBA"):
        return True
    bits, kind = _HEAD.unpack_from(data, 16)[2:4]
    samples = np.asarray(image)
    if kind == 3:
        alphas = np.frombuffer(marks.ljust(256, b"\xff"), np.uint8)
        return bool((alphas[samples] == 255).all())
    colour = np.frombuffer(marks, ">u2")
    if kind == 0:
        key = (int(colour[0]) & (1 << bits) - 1) * (255 // ((1 << bits) - 1) if bits < 8 else 1)
        grey = samples.astype(np.int64) * (255 if samples.dtype == np.bool_ else 1)
        return not (grey == key).any()
    return not (samples == colour[:3] & 0xFF).all(axis=2).any()


def _opaque(samples: NDArray[np.uint16], marks: bytes | None) -> NDArray[np.uint16]:
    channels = samples.shape[2]
    through = samples[..., -1].min() != 0xFFFF if channels != 3 else _is_met(samples, marks)
    if through:
        raise SourceWanting(FindingCode.NO_DECODER, "transparent pixels have no home in the target")
    return np.ascontiguousarray(samples[..., 0] if channels == 2 else samples[..., :3])


def _is_met(samples: NDArray[np.uint16], marks: bytes | None) -> bool:
    if marks is None:
        return False
    return bool((samples == np.frombuffer(marks[:6], ">u2")).all(axis=2).any())


def _inflated(data: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        return unpacker.decompress(b"".join(body for kind, body, _ in _chunks(data) if kind == b"IDAT"), most)
    except zlib.error as problem:
        raise ValueError("the PNG data is damaged") from problem


def chunk_of(data: bytes, wanted: bytes) -> bytes | None:
    """What the first chunk of this kind holds."""
    return next((body for kind, body, _ in _chunks(data) if kind == wanted), None)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Each chunk's kind and body, and where its checksum should end."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + size], at + size + 12
        at += size + 12


def _lines(packed: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The lines of one pass, each with the filter that was used before it."""
    pixel = shape[2] * 2
    size = shape[1] * pixel
    if len(packed) != shape[0] * (size + 1):
        raise ValueError("fewer lines than promised")
    lines = np.frombuffer(packed, np.uint8).reshape(shape[0], 1 + size)
    plain, above = np.empty((shape[0], size), np.uint8), np.zeros(size, np.uint8)
    for number, line in enumerate(lines):
        above = plain[number] = _unfiltered(int(line[0]), line[1:], above, pixel)
    return plain.view(">u2").reshape(shape)


def _unfiltered(kind: int, line: Line, above: Line, pixel: int) -> Line:
    if kind == 1:
        return line.reshape(-1, pixel).cumsum(axis=0, dtype=np.uint8).reshape(-1)
    if kind == 2:
        return line + above
    if kind in (3, 4):
        return _predicted(line.tolist(), above.tolist(), pixel, paeth=kind == 4)
    return line


def _predicted(line: list[int], above: list[int], pixel: int, *, paeth: bool) -> Line:
    """Filters that need the byte before: the average of left and above, or the nearest of three neighbours."""
    out = [0] * pixel
    corner = [0] * pixel + above
    for place, byte in enumerate(line):
        left, up = out[place], above[place]
        out.append(byte + (_nearest(left, up, corner[place]) if paeth else (left + up) // 2) & 0xFF)
    return np.array(out[pixel:], np.uint8)


def _nearest(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
