"""A stream is counted on its way, and comes through as it was."""

from __future__ import annotations

import pytest

from engine.running.counting import STEP, counted


@pytest.mark.parametrize("size", [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP + 7])
def test_every_item_comes_through_and_is_told_once(size: int) -> None:
    told: list[int] = []
    assert list(counted(range(size), told.append)) == list(range(size))
    assert sum(told) == size and all(more <= STEP for more in told)


def test_what_was_taken_is_told_before_the_end() -> None:
    told: list[int] = []
    stream = counted(range(STEP * 2), told.append)
    for _ in range(STEP + 1):
        next(stream)
    assert told == [STEP]
