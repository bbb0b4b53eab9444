"""DICOM palette colour: stored values looked up in three tables (PS3.3 C.7.6.3.1.5, C.7.9.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_COLOURS = ("Red", "Green", "Blue")


def to_rgb(array: NDArray[Any], dataset: Any, big_endian: bool) -> NDArray[Any]:
    """The (rows, columns) stored values as (rows, columns, 3) colours at the tables' own depth of 8 or 16 bits.

    Raises ValueError or AttributeError where the tables are malformed.
    """
    tables = [_table(dataset, colour, big_endian) for colour in _COLOURS]
    first = int(dataset.RedPaletteColorLookupTableDescriptor[1])
    index = np.clip(array.astype(np.int32) - first, 0, len(tables[0]) - 1)
    return np.stack([table[index] for table in tables], axis=-1)


def _table(dataset: Any, colour: str, big_endian: bool) -> NDArray[Any]:
    entries, _, depth = (int(value) for value in dataset[f"{colour}PaletteColorLookupTableDescriptor"].value)
    entries = entries or 1 << 16
    order = ">" if big_endian else "<"
    segmented = dataset.get(f"Segmented{colour}PaletteColorLookupTableData")
    if segmented:
        words = np.frombuffer(segmented, np.uint8 if depth == 8 else f"{order}u2")
        table = np.array(_expanded(words.astype(np.int64)), np.int64)
    else:
        data = dataset[f"{colour}PaletteColorLookupTableData"].value
        table = np.frombuffer(data, np.uint8 if len(data) <= entries + 1 else f"{order}u2")
    if len(table) < entries or depth not in (8, 16):
        raise ValueError("a palette shorter than its descriptor says")
    return table[:entries].astype(np.uint8 if depth == 8 else "<u2")


def _expanded(words: NDArray[np.int64]) -> list[int]:
    """A segmented table in full: discrete, linear and indirect segments."""
    out: list[int] = []
    offset = 0
    while offset < len(words):
        offset = _segment(words, offset, out, indirect=True)
    return out


def _segment(words: NDArray[np.int64], offset: int, out: list[int], *, indirect: bool) -> int:
    """Appends one segment to `out` and returns the offset of the next."""
    kind, length = int(words[offset]), int(words[offset + 1])
    if kind == 0:
        out.extend(words[offset + 2 : offset + 2 + length].tolist())
        return offset + 2 + length
    if kind == 1:
        start, end = out[-1], int(words[offset + 2])
        out.extend(round(start + (end - start) * step / length) for step in range(1, length + 1))
        return offset + 3
    if kind == 2 and indirect:
        at = int(words[offset + 2]) | int(words[offset + 3]) << 16
        for _ in range(length):
            at = _segment(words, at, out, indirect=False)
        return offset + 4
    raise ValueError(f"palette segment of kind {kind}")
