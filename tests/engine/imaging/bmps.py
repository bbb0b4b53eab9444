"""Makes BMP files for tests: every header and depth, run lengths, either row order."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLAIN, RLE8, RLE4, MASKS, ALPHA_MASKS = 0, 1, 2, 3, 6


def bmp(
    rows: bytes,
    size: tuple[int, int],
    depth: int,
    *,
    header: int = 40,
    kind: int = PLAIN,
    masks: tuple[int, ...] = (),
    palette: NDArray[Any] | None = None,
    top_down: bool = False,
) -> bytes:
    """`rows` as the file has them, `size` (width, height), `palette` (n, 3) of red, green and blue."""
    width, height = size
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, depth)
    else:
        colours = 0 if palette is None else len(palette)
        info = struct.pack(
            "<IiiHHIIiiII", header, width, -height if top_down else height, 1, depth, kind, 0, 0, 0, colours, 0
        )
        info = (info + struct.pack(f"<{len(masks)}I", *masks)).ljust(header, b"\0")
    entry = 3 if header == 12 else 4
    table = b"" if palette is None else b"".join(bytes(c[::-1]).ljust(entry, b"\0") for c in palette.astype(np.uint8))
    start = 14 + len(info) + len(table)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + info + table + rows


def lines(array: NDArray[Any], depth: int) -> bytes:
    """(h, w) of indices or words, or (h, w, 3) of colours, as rows that end at a multiple of four bytes."""
    if array.ndim == 3:
        raw = [row[:, ::-1].astype(np.uint8).tobytes() for row in array]
    elif depth < 8:
        bits = [np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :].reshape(-1) for row in array]
        raw = [np.packbits(row).tobytes() for row in bits]
    else:
        raw = [row.astype(f"<u{depth // 8}").tobytes() for row in array]
    return b"".join(row + bytes(-len(row) % 4) for row in raw)


def runs(indices: NDArray[Any], depth: int) -> bytes:
    """Run lengths: pairs for the even rows, pixels as they are for the odd ones, a step over the last row's end."""
    out = bytearray()
    for number, row in enumerate(indices.tolist()):
        out += b"".join(_run(value, depth) for value in row) if number % 2 == 0 else _literal(row, depth)
        out += b"\0\0"
    return bytes(out + b"\0\1")


def _run(value: int, depth: int) -> bytes:
    return bytes((1, value if depth == 8 else value << 4))


def _literal(row: list[int], depth: int) -> bytes:
    padded = row + [0] * (len(row) % 2)
    raw = bytes(row) if depth == 8 else bytes(a << 4 | b for a, b in zip(padded[::2], padded[1::2], strict=True))
    return bytes((0, len(row))) + raw + bytes(len(raw) % 2)
