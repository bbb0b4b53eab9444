"""LZW as TIFF has it (TIFF 6.0, section 13): codes of 9 to 12 bits, high bit first, one bit wider a code early.

Own code: what damaged data may grow to, and that it raises, does not rest on a library.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_CLEAR, _END, _FIRST_FREE = 256, 257, 258
_MOST_CODES: Final = 4_096  # between two clear codes; the table is full after 3,838
_SINGLE: Final = (*(bytes((value,)) for value in range(256)), b"", b"")
# Entries there are when each code after a clear code is read, the bits of that code, and where it begins.
_ENTRIES = _FIRST_FREE + np.maximum(np.arange(_MOST_CODES) - 1, 0)
_WIDTHS = np.clip(np.floor(np.log2(_ENTRIES + 1)).astype(np.int64) + 1, 9, 12)
_BEGINS = np.cumsum(_WIDTHS) - _WIDTHS


def unpacked(data: bytes, size: int) -> bytes:
    """What the codes stand for, until `size` bytes are there or the codes end. Raises ValueError for damaged data."""
    if data[:1] != b"\x80" or data[1:2] >= b"\x80":
        raise ValueError("LZW data that does not begin with a clear code, as its older form does not")
    padded = np.frombuffer(data + bytes(3), np.uint8).astype(np.int64)
    out, length, at, last = list[bytes](), 0, 0, _CLEAR
    while last == _CLEAR and length < size:
        codes, last, at = _until_clear(padded, at)
        entries = _entries(codes)
        length += sum(map(len, entries))
        out += entries
    return b"".join(out)[:size]


def _until_clear(padded: NDArray[np.int64], at: int) -> tuple[NDArray[Any], int, int]:
    """The codes from bit `at` on, the clear or end code that stops them (the end of data is one), and the bit after."""
    begins = at + _BEGINS[at + _BEGINS + _WIDTHS <= (len(padded) - 3) * 8]
    widths, where = _WIDTHS[: len(begins)], begins >> 3
    three = padded[where] << 16 | padded[where + 1] << 8 | padded[where + 2]
    codes = three >> (24 - (begins & 7) - widths) & ((1 << widths) - 1)
    stops = np.flatnonzero((codes == _CLEAR) | (codes == _END))
    if len(stops):
        stop = int(stops[0])
        return codes[:stop], int(codes[stop]), int(begins[stop] + widths[stop])
    if len(codes) == _MOST_CODES:
        raise ValueError("LZW codes beyond the table")
    return codes, _END, at


def _entries(codes: NDArray[Any]) -> list[bytes]:
    """What each code stands for; it may be the entry that is about to be added."""
    table, out, before = list(_SINGLE), list[bytes](), b""
    for code in codes.tolist():
        if code < len(table):
            entry = table[code]
        elif code == len(table) and before:
            entry = before + before[:1]
        else:
            raise ValueError("an LZW code that no entry has")
        if before:
            table.append(before + entry[:1])
        out.append(entry)
        before = entry
    return out
