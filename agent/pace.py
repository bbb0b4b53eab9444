"""How long to wait before trying again: full jitter on every delay, so that a thousand agents never knock together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. A delay is `floor` plus a random part of a ceiling that doubles from `base` up to `cap`."""

    base: float
    cap: float
    floor: float = 0.0

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """The wait before try number `attempt` (0 is the first repetition); `random` gives [0, 1)."""
        ceiling = min(self.cap, self.base * 2.0 ** min(attempt, 32))
        return self.floor + random() * ceiling


RETRY = Pace(base=1.0, cap=60.0)
"""Network trouble and crashes: quick at first, never more than a minute."""

HESITANT = Pace(base=5.0, cap=300.0, floor=1.0)
"""A hub that hangs up may be starting, or may mean us."""

REFUSED = Pace(base=60.0, cap=900.0, floor=60.0)
"""Certificates, versions, a hub that says no: a person has to act, so at most once a minute, at least four an hour."""
