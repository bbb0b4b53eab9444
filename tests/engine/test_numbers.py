"""Compact numbers are a set like any other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.numbers import Numbers

_WHOLE = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(_WHOLE), st.lists(_WHOLE))
def test_they_hold_what_was_given_once_each_and_in_order(given: list[int], asked: list[int]) -> None:
    numbers = Numbers(iter(given))
    assert list(numbers) == sorted(set(given)) and len(numbers) == len(set(given))
    assert all(type(number) is int for number in numbers)
    assert [number in numbers for number in (*asked, *given)] == [number in set(given) for number in (*asked, *given)]


def test_nothing_but_a_whole_number_is_among_them() -> None:
    assert "1" not in Numbers([1]) and 1.0 not in Numbers([1]) and None not in Numbers()
