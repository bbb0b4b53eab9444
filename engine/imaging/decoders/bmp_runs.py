"""Run lengths of BMP files, 4 and 8 bits a pixel: pairs of count and value, and escapes that begin with zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

_END_OF_LINE, _END, _MOVE = 0, 1, 2  # escapes; any other is the number of pixels that follow as they are


def unrolled(data: bytes, width: int, height: int, depth: int) -> NDArray[np.uint8]:
    """(height, width) of palette indices, rows as the file has them; pixels that are stepped over are 0.

    Raises ImageProblem TRUNCATED for data without an end, UNREADABLE_FILE for pixels outside the picture.
    """
    out = np.zeros((height, width), np.uint8)
    row = column = at = 0
    while at + 1 < len(data):
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            values = _run(count, value, depth)
        elif value == _END:
            return out
        elif value == _END_OF_LINE:
            row, column = row + 1, 0
            continue
        elif value == _MOVE:
            column, row, at = column + data[at], row + data[at + 1], at + 2
            continue
        else:
            size = (value * depth + 7) // 8
            values = _as_they_are(data[at : at + size], value, depth)
            at += size + size % 2
        _put(out, row, column, values)
        column += len(values)
    raise ImageProblem(FindingCode.TRUNCATED, "run lengths without an end")


def _run(count: int, value: int, depth: int) -> NDArray[np.uint8]:
    if depth == 8:
        return np.full(count, value, np.uint8)
    return np.resize(np.array((value >> 4, value & 15), np.uint8), count)


def _as_they_are(raw: bytes, count: int, depth: int) -> NDArray[np.uint8]:
    values = np.frombuffer(raw, np.uint8)
    if depth == 4:
        values = np.stack((values >> 4, values & 15), axis=1).reshape(-1)
    if len(values) < count:
        raise ImageProblem(FindingCode.TRUNCATED, "run lengths end within a run")
    return values[:count]


def _put(out: NDArray[np.uint8], row: int, column: int, values: NDArray[np.uint8]) -> None:
    if row >= out.shape[0] or column + len(values) > out.shape[1]:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "a run of pixels outside the picture")
    out[row, column : column + len(values)] = values
