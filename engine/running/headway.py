"""How fast work goes lately, and how long what is left will take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

WINDOW_SECONDS: Final = 30.0  # over which the rate is measured
SPREAD: Final = 0.15  # least spread of the time left, as a part of it: the next patients are not the last ones


class Headway:
    """`clock` gives monotonic seconds; `done` is how much was done already when it began."""

    def __init__(self, clock: Callable[[], float], done: int = 0) -> None:
        self._clock = clock
        self.begin_at(done)

    def begin_at(self, done: int) -> None:
        """Measures from here: the time until now does not count in the rate."""
        self._marks: deque[tuple[float, int]] = deque([(self._clock(), done)])

    def rate(self, done: int) -> float | None:
        """How much is done in a second, now that `done` is; None while unknown."""
        now = self._clock()
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW_SECONDS:
            self._marks.popleft()
        then, before = self._marks[0]
        return (done - before) / (now - then) if now > then and done > before else None


def time_left(left: int, rate: float | None) -> tuple[float | None, float | None]:
    """Shortest and longest time (seconds) that as much as `left` will take at this rate; None while unknown."""
    if rate is None or left < 0:
        return None, None
    seconds = left / rate
    return seconds * (1 - SPREAD), seconds * (1 + SPREAD)
