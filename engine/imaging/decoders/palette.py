"""DICOM palette colour: stored values looked up in three tables (PS3.3 C.7.6.3.1.5, C.7.9.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.limits import MAX_PALETTE

_COLOURS = ("Red", "Green", "Blue")


def to_rgb(array: NDArray[Any], dataset: Any, big_endian: bool) -> NDArray[Any]:
    """The (rows, columns) stored values as (rows, columns, 3) colours at the tables' own depth of 8 or 16 bits.

    Raises ValueError or AttributeError where the tables are malformed, or of several sizes.
    """
    if len({tuple(dataset[f"{colour}PaletteColorLookupTableDescriptor"].value) for colour in _COLOURS}) > 1:
        raise ValueError("palettes of several sizes")
    tables = [_table(dataset, colour, big_endian) for colour in _COLOURS]
    first = int(dataset.RedPaletteColorLookupTableDescriptor[1])
    index = np.clip(array.astype(np.int32) - first, 0, len(tables[0]) - 1)
    return np.stack([table[index] for table in tables], axis=-1)


def _table(dataset: Any, colour: str, big_endian: bool) -> NDArray[Any]:
    entries, _, depth = (int(value) for value in dataset[f"{colour}PaletteColorLookupTableDescriptor"].value)
    entries = entries or MAX_PALETTE
    segmented = dataset.get(f"Segmented{colour}PaletteColorLookupTableData")
    if segmented:
        words = _words(segmented, depth == 8, big_endian)
        table = np.array(_expanded(words.astype(np.int64), depth), np.int64)
    else:
        data = dataset[f"{colour}PaletteColorLookupTableData"].value
        table = _words(data, depth == 8 and len(data) <= entries + 1, big_endian)
    if len(table) < entries or depth not in (8, 16):
        raise ValueError("a palette shorter than its descriptor says")
    return table[:entries].astype(np.uint8 if depth == 8 else "<u2")


def _words(data: bytes, packed: bool, big_endian: bool) -> NDArray[Any]:
    """A table's words, or the two bytes `packed` in each word, low byte first."""
    words = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2" if big_endian else "<u2")
    return words.astype("<u2").view(np.uint8) if packed else words


def _expanded(words: NDArray[np.int64], depth: int) -> list[int]:
    """A segmented table in full: discrete, linear and indirect segments."""
    out: list[int] = []
    offset = 0
    while offset + 1 < len(words):  # a lone byte is padding to an even length
        offset = _segment(words, offset, out, depth, indirect=True)
    return out


def _segment(words: NDArray[np.int64], offset: int, out: list[int], depth: int, *, indirect: bool) -> int:
    """Appends one segment to `out` and returns the offset of the next."""
    kind, length = int(words[offset]), int(words[offset + 1])
    if len(out) > MAX_PALETTE:
        raise ValueError("palette segments beyond the largest table")
    if kind == 0:
        out.extend(words[offset + 2 : offset + 2 + length].tolist())
        return offset + 2 + length
    if kind == 1:
        start, end = out[-1], int(words[offset + 2])
        out.extend(round(start + (end - start) * step / length) for step in range(1, length + 1))
        return offset + 3
    if kind == 2 and indirect:
        pointer = words[offset + 2 : offset + 2 + 32 // depth].tolist()
        at = sum(word << depth * place for place, word in enumerate(pointer)) * 8 // depth  # it counts bytes
        for _ in range(length):
            at = _segment(words, at, out, depth, indirect=False)
        return offset + 2 + len(pointer)
    raise ValueError(f"palette segment of kind {kind}")
