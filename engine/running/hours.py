"""When conversion may run, by the practice's own clock: from the hour it closes until the hour it opens. Pure.

Moments are UTC seconds. `zone` None means the zone of this machine. On the two nights of the year on which the clock
shows a time twice or never, the careful reading counts: the earlier deadline, the later begin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

_DAYS = 3  # within so many days every time of day comes, whatever the clock does in between


@dataclass(frozen=True, slots=True)
class Hours:
    """`begin` is when the practice closes (None: conversion may start at any time), `deadline` when it opens.

    `begin` without `deadline` has no meaning and the two are never equal: settings refuse both.
    """

    begin: time | None = None
    deadline: time | None = None
    zone: tzinfo | None = None

    def closing(self, now: float) -> float | None:
        """The next deadline after `now`."""
        return None if self.deadline is None else self._next(self.deadline, now, min)

    def opening(self, now: float) -> float | None:
        """When conversion may begin; None if it may now."""
        closing = self.closing(now)
        if self.begin is None or closing is None:
            return None
        opening = self._next(self.begin, now, max)
        return opening if opening < closing else None

    def next_opening(self, now: float) -> float | None:
        """The next time at which the practice closes; None if conversion may run at any hour."""
        return None if self.begin is None else self._next(self.begin, now, max)

    def night_seconds(self, now: float) -> float | None:
        """How long the night lasts that begins next, or has begun at `now`; None without end."""
        begins = self.opening(now)
        ends = self.closing(now if begins is None else begins)
        return None if ends is None else ends - (now if begins is None else begins)

    def wall(self, moment: float) -> datetime:
        """What the practice's clock shows."""
        return datetime.fromtimestamp(moment, self.zone)

    def _next(self, at: time, now: float, careful: Callable[[Iterable[float]], float]) -> float:
        today = self.wall(now).date()
        days = (today + timedelta(days=ahead) for ahead in range(_DAYS))
        moments = (careful(self._readings(datetime.combine(day, at, self.zone))) for day in days)
        return next(moment for moment in moments if moment > now)

    @staticmethod
    def _readings(wall: datetime) -> tuple[float, float]:
        return wall.replace(fold=0).timestamp(), wall.replace(fold=1).timestamp()


@dataclass(frozen=True, slots=True)
class Deadline:
    """When work that began at some moment must have ended, kept while clocks are set.

    A clock set forward counts at once. One set back cannot put the deadline off: the earliest one ever seen stays.
    """

    hours: Hours
    ends: float | None

    @staticmethod
    def of(hours: Hours, now: float) -> Deadline:
        return Deadline(hours, hours.closing(now))

    def seen(self, now: float) -> Deadline:
        """The same deadline, with the clock saying `now`."""
        closing = self.hours.closing(now)
        return self if closing is None or self.ends is None else Deadline(self.hours, min(self.ends, closing))

    def leaves(self, now: float) -> float | None:
        """Seconds left at `now`, 0 when over; None without end."""
        if self.hours.opening(now) is not None:
            return 0.0
        return None if self.ends is None else max(0.0, self.ends - now)
