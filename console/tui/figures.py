"""Numbers, times, bars and trends as short text. Pure: the time and the zone are passed in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, tzinfo

from console.tui.lines import NONE

_BLOCKS = "▁▂▃▄▅▆▇█"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def age(seconds: float) -> str:
    """How long ago, coarser the longer: `4 s`, `14 min`, `3 h`, `2 d`."""
    whole = max(int(seconds), 0)
    if whole < 2 * _MINUTE:
        return f"{whole} s"
    if whole < 2 * _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} d"


def clock(at: int, now: int, zone: tzinfo, *, seconds: bool = True) -> str:
    """A moment by the operator's own clock; with its date if that is not today's."""
    moment, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    time = moment.strftime("%H:%M:%S" if seconds else "%H:%M")
    return time if moment.date() == today.date() else f"{moment.day} {moment.strftime('%b')} {time}"


def date_and_time(now: int, zone: tzinfo) -> str:
    """The title bar's clock."""
    moment = datetime.fromtimestamp(now, zone)
    return f"{moment.strftime('%a')} {moment.day} {moment.strftime('%b %H:%M')}"


def duration(seconds: float) -> str:
    """A length of time in the two largest units that matter."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{seconds:.1f} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def finish(at: int, low: float, high: float, now: int, zone: tzinfo) -> str:
    """When a phase should end, from its seconds left as a range at `at`: `04:10 ±9 min`.

    The date is told only when the end is more than a day away.
    """
    spread = max(math.ceil((high - low) / 2 / _MINUTE), 1)
    end = at + round((low + high) / 2)
    within_a_day = end - now < _DAY
    return f"{clock(end, end if within_a_day else now, zone, seconds=False)} ±{spread} min"


def bar(fraction: float, width: int) -> str:
    """A progress bar: as long as it is done, never full before the end."""
    done = width if fraction >= 1 else min(int(fraction * width), width - 1)
    return "█" * done + "░" * (width - done)


def percent(fraction: float) -> str:
    """Rounded down, so that 100% means all."""
    return f"{int(min(max(fraction, 0.0), 1.0) * 100)}%"


def trend(rates: Sequence[float], width: int) -> str:
    """The newest rates as a sparkline, oldest first."""
    shown = list(rates)[-width:]
    top = max(shown, default=0.0)
    if top <= 0:
        return "▁" * len(shown)
    return "".join(_BLOCKS[min(int(rate / top * len(_BLOCKS)), len(_BLOCKS) - 1)] for rate in shown)


def rate(images_per_second: float | None) -> str:
    """Images per second."""
    if images_per_second is None:
        return NONE
    return f"{images_per_second:,.0f}" if images_per_second >= 10 else f"{images_per_second:.1f}"


def of(done: int, total: int) -> str:
    """Progress in exact numbers."""
    return f"{done:,} of {total:,}"


def size(count: int) -> str:
    """Bytes in a unit that people read."""
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 1_000 and len(units) > 1:
        amount, units = amount / 1_000, units[1:]
    return f"{amount:,.0f} {units[0]}" if units[0] == "B" else f"{amount:,.1f} {units[0]}"
