"""Whole numbers in eight bytes each: a practice has a hundred thousand patients, and a set takes ten times as much."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator

import numpy as np


class Numbers(Collection[int]):
    """A set of whole numbers that does not change, in order. Membership is found by halving."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._sorted = array("q", np.unique(np.fromiter(numbers, np.int64)).tobytes())

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        at = bisect_left(self._sorted, number)
        return at < len(self._sorted) and self._sorted[at] == number

    def __iter__(self) -> Iterator[int]:
        return iter(self._sorted)

    def __len__(self) -> int:
        return len(self._sorted)
