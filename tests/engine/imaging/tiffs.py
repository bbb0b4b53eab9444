"""Makes TIFF files for tests: one picture in any layout, written by the TIFF 6.0 and BigTIFF specifications."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]
NONE, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773
COMPRESSORS: Mapping[int, Callable[[bytes], bytes]] = {
    NONE: bytes,
    LZW: lambda raw: bytes(imagecodecs.lzw_encode(raw)),
    DEFLATE: zlib.compress,
    PACKBITS: lambda raw: bytes(imagecodecs.packbits_encode(raw)),
}


@dataclass(frozen=True)
class Layout:
    """How a picture lies in its file. `rows` of a strip; `tile` (width, height) in its place; `big` is BigTIFF."""

    order: str = "<"
    big: bool = False
    compression: int = NONE
    predictor: bool = False
    planar: bool = False
    rows: int = 7
    tile: tuple[int, int] | None = None


def tiff(array: Picture, layout: Layout = Layout(), photometric: int | None = None, **tags: int | list[int]) -> bytes:
    """`array` is (h, w) or (h, w, n). `tags` sets others by number: t274=6."""
    pieces = [_packed(piece, layout) for piece in _pieces(array, layout)]
    samples = array.shape[2] if array.ndim == 3 else 1
    size = 8 * array.dtype.itemsize
    numbers = {
        256: [array.shape[1]],
        257: [array.shape[0]],
        258: [size] * samples,
        259: [layout.compression],
        262: [(2 if samples >= 3 else 1) if photometric is None else photometric],
        277: [samples],
        284: [2 if layout.planar else 1],
        317: [2 if layout.predictor else 1],
        339: [{"u": 1, "i": 2, "f": 3}[array.dtype.kind]] * samples,
        **({322: [layout.tile[0]], 323: [layout.tile[1]]} if layout.tile else {278: [layout.rows]}),
        **({338: [2]} if samples in (2, 4) else {}),
        **{int(name[1:]): value if isinstance(value, list) else [value] for name, value in tags.items()},
    }
    return _file(numbers, pieces, layout)


def _pieces(array: Picture, layout: Layout) -> Iterator[Picture]:
    planes = [array[..., n] for n in range(array.shape[2])] if layout.planar and array.ndim == 3 else [array]
    width, height = layout.tile or (array.shape[1], layout.rows)
    for plane in planes:
        for top in range(0, plane.shape[0], height):
            for left in range(0, plane.shape[1], width):
                piece = plane[top : top + height, left : left + width]
                yield _padded(piece, height, width) if layout.tile else piece


def _padded(piece: Picture, height: int, width: int) -> Picture:
    room = [(0, height - piece.shape[0]), (0, width - piece.shape[1]), (0, 0)][: piece.ndim]
    return np.pad(piece, room, mode="edge")


def _packed(piece: Picture, layout: Layout) -> bytes:
    if layout.predictor:
        piece = np.concatenate([piece[:, :1], np.diff(piece, axis=1)], axis=1).astype(piece.dtype)
    return COMPRESSORS[layout.compression](piece.astype(piece.dtype.newbyteorder(layout.order)).tobytes())


def _file(numbers: dict[int, list[int]], pieces: list[bytes], layout: Layout) -> bytes:
    order, room, code = layout.order, *((8, "Q") if layout.big else (4, "I"))
    mark = {"<": b"II", ">": b"MM"}[order]
    body = bytearray(mark + struct.pack(f"{order}HHH", 43, 8, 0) if layout.big else mark + struct.pack(f"{order}H", 42))
    head = len(body)
    body += bytes(room)
    places = []
    for piece in pieces:
        places.append(len(body))
        body += piece + bytes(len(piece) % 2)
    numbers[324 if layout.tile else 273] = places
    numbers[325 if layout.tile else 279] = [len(piece) for piece in pieces]
    entries = []
    for tag, values in sorted(numbers.items()):
        kind, letter = (
            (16, "Q")
            if layout.big and tag in (273, 279, 324, 325)
            else (4, "I")
            if tag in (273, 279, 324, 325, 256, 257)
            else (3, "H")
        )
        raw = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(raw) > room:
            place, raw = len(body), raw + bytes(len(raw) % 2)
            body += raw
            raw = struct.pack(order + code, place)
        entries.append(struct.pack(f"{order}HH{code}", tag, kind, len(values)) + raw.ljust(room, b"\0"))
    body[head : head + room] = struct.pack(order + code, len(body))
    body += struct.pack(order + ("Q" if layout.big else "H"), len(entries)) + b"".join(entries) + bytes(room)
    return bytes(body)
