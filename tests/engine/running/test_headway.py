"""The rate is that of the last half minute, and the time left a range."""

from __future__ import annotations

from engine.running.headway import SPREAD, WINDOW_SECONDS, Headway, time_left


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_nothing_is_said_before_anything_is_done() -> None:
    clock = Clock()
    headway = Headway(clock)
    assert headway.rate(0) is None
    clock.seconds += 1
    assert headway.rate(0) is None
    assert time_left(7, None) == (None, None)


def test_what_was_done_before_it_began_does_not_count() -> None:
    clock = Clock()
    headway = Headway(clock, 1000)
    clock.seconds += 2
    assert headway.rate(1010) == 5


def test_only_the_last_half_minute_counts() -> None:
    clock, done = Clock(), 0
    headway = Headway(clock)
    for seconds, step in ((60, 100), (60, 1)):
        for _ in range(seconds):
            clock.seconds, done = clock.seconds + 1, done + step
            rate = headway.rate(done)
    assert rate == 1
    assert WINDOW_SECONDS < 60


def test_a_pause_does_not_count() -> None:
    clock = Clock()
    headway = Headway(clock)
    clock.seconds += 1000
    headway.begin_at(3)
    clock.seconds += 1
    assert headway.rate(5) == 2


def test_the_time_left_is_a_range_around_what_the_rate_says() -> None:
    assert time_left(100, 10) == (10 * (1 - SPREAD), 10 * (1 + SPREAD))
    assert time_left(0, 10) == (0, 0)
    assert time_left(-1, 10) == (None, None)
