"""The conversion's night: before each patient, whether it will be finished before the practice opens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from engine.running.control import Control
from engine.running.hours import Deadline, Hours
from engine.settings import RunSettings
from protocol.errors import NightOver

MARGIN: Final = 1.5  # the next patients may be slower than the measured ones
RESERVE_SECONDS: Final = 60.0  # to settle what is under way and to end
CAREFUL_RATE: Final = 2 << 20  # bytes a second, until something was measured: any disk in use is faster


@dataclass(frozen=True, slots=True)
class NightClock:
    """`utc` gives UTC seconds by the wall clock, `monotonic` seconds for rates; `zone` None is this machine's."""

    utc: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    zone: tzinfo | None = None


def hours_of(run: RunSettings, zone: tzinfo | None = None) -> Hours:
    """The hours that job.toml names."""
    return Hours(run.begin, run.deadline, zone)


def seconds_needed(under_way: int, following: int, rate: float, workers: int) -> float:
    """Until the next patient is finished too, with the margin: sizes in bytes, `rate` in bytes a second.

    What is under way is shared by the workers; one patient is the work of one of them.
    """
    return (under_way / rate + following * workers / rate) * MARGIN + RESERVE_SECONDS


class Night:
    """Asked before each patient, told when one is finished. `done` of `total` patients were converted before."""

    def __init__(self, hours: Hours, clock: NightClock, *, workers: int, done: int, total: int) -> None:
        self._hours, self._clock, self._workers = hours, clock, workers
        self._deadline = Deadline.of(hours, clock.utc())
        self._done, self._total = done, total
        self._begun = self._finished = 0  # bytes
        self._since, self._paused = clock.monotonic(), 0.0

    def checkpoint(self, control: Control, size: int) -> None:
        """Before a patient of `size` bytes. Time spent paused does not count in the rate. Raises NightOver."""
        before = self._clock.monotonic()
        control.checkpoint()
        self._paused += self._clock.monotonic() - before
        now = self._clock.utc()
        self._deadline = self._deadline.seen(now)
        left = self._deadline.leaves(now)
        if left is not None and left < self._needed(size):
            raise self._over(now)
        self._begun += size

    def finished(self, size: int) -> None:
        """A patient of `size` bytes is committed."""
        self._done += 1
        self._finished += size

    def _needed(self, size: int) -> float:
        worked = self._clock.monotonic() - self._since - self._paused
        rate = self._finished / worked if worked > 0 and self._finished else CAREFUL_RATE
        return seconds_needed(max(0, self._begun - self._finished), size, rate, self._workers)

    def _over(self, now: float) -> NightOver:
        resumes_at = self._hours.next_opening(now)
        opens = "" if self._hours.deadline is None else f" {self._hours.deadline:%H:%M}"
        return NightOver(
            f"stopped at the deadline{opens}, between two patients: {self._done:,} of {self._total:,} are converted",
            resumes_at=None if resumes_at is None else int(resumes_at),
            next_step=_next_step(self._hours, resumes_at),
        )


def require_open(hours: Hours, now: float, left: Callable[[], str]) -> None:
    """Returns if conversion may begin now. Raises NightOver; `left` tells what it would do, such as `12 patients`."""
    opens = hours.opening(now)
    if opens is not None:
        raise NightOver(
            f"the practice is open until {hours.begin:%H:%M}: nothing was done; convert would carry over {left()}",
            resumes_at=int(opens),
            next_step=_next_step(hours, opens),
        )


def _next_step(hours: Hours, resumes_at: float | None) -> str:
    if resumes_at is None:
        return "run the same command again when the practice is closed; it resumes"
    return (
        f"run the same command from {hours.wall(resumes_at):%A %H:%M} on, or leave it to the agent; it resumes;"
        " to convert at any hour, take run.begin out of job.toml"
    )
