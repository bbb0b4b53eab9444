"""How much of the time workers may work: a share in percent, kept by resting after each piece of work."""

from __future__ import annotations

from typing import Final

FULL_PACE: Final = 100  # percent: workers never rest
SLOWEST_PACE: Final = 10
MOST_REST: Final = 15.0  # seconds at a stretch, so that a stop is obeyed soon whatever the pace


def rest(worked: float, pace: int) -> float:
    """Seconds to rest after `worked` seconds, so that work is `pace` percent of both together."""
    return min(worked * (FULL_PACE - pace) / pace, MOST_REST)


def pace_from(word: str) -> int | None:
    """The pace of a control word such as `pace 50`; None if it is no such word, or out of range."""
    name, _, number = word.partition(" ")
    if name != "pace" or not number.isascii() or not number.isdecimal():
        return None
    return int(number) if SLOWEST_PACE <= int(number) <= FULL_PACE else None
