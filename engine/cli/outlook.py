"""The dry run's forecast as a person reads it: when the night ends, and whether hours and disk suffice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.screen import duration, size, speed, time_left

if TYPE_CHECKING:
    from rich.table import Table

REPORT = "dry-run.json"


def read(report_folder: Path) -> dict[str, Any] | None:
    """What the newest dry run left; None if there is none, or none of this release."""
    import msgspec

    from engine.running.forecast import Forecast

    try:
        found: dict[str, Any] = msgspec.json.decode((report_folder / REPORT).read_bytes())
        msgspec.convert(found, Forecast)
    except (OSError, msgspec.MsgspecError):
        return None
    return found


def table(report: dict[str, Any]) -> Table:
    """The forecast as two columns: what, and how much of it."""
    return _columns(f"Forecast of {_clock(report['made_at'])}", lines(report))


def running_table(running: dict[str, Any]) -> Table:
    """How far the running phase has come, and when it ends: as measured, no more as the dry run predicted."""
    return _columns(f"Under way: {running['phase']}", running_lines(running))


def _columns(title: str, lines: Iterable[tuple[str, str]]) -> Table:
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    made.add_column(no_wrap=True)
    made.add_column()
    for name, text in lines:
        made.add_row(name, text)
    return made


def running_lines(running: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and text of each line about a phase that runs."""
    done, total = running["images_done"], running["images_total"]
    yield "Done", f"{done:,} of {total:,} images" if total else "its images are not counted yet"
    if running["paused"]:
        yield "Paused", "since somebody said so; it goes on when somebody does"
    elif doing := running["doing"]:
        yield "Now", doing
    elif rate := running["images_per_second"]:
        yield "Rate now", f"{speed(rate)}, {time_left(running['seconds_left_low'], running['seconds_left_high'])}"
    if ending := running["ending"]:
        yield "Ends", _range(_clock(ending["finish_low"]), _clock(ending["finish_high"]))
        if ending["deadline"] is not None:
            fits = (
                "fits" if ending["fits_before_deadline"] else "does not fit; it stops in time, to go on another night"
            )
            yield "Practice opens", f"{_clock(ending['deadline'])}: {fits}"


def lines(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and text of each line. The conversion is predicted from this machine and this practice's own images."""
    if change := report.get("top_up"):
        counts = ", ".join(f"{change[name]:,} {name}" for name in ("kept", "changed", "new", "gone"))
        yield f"Top-up {change['number']}", f"patients: {counts}"
    yield "To convert", f"{report['patients']:,} patients, {report['images']:,} images, {size(report['bytes'])}"
    low, high = report["conversion_seconds_low"], report["conversion_seconds_high"]
    yield "Conversion takes", _range(duration(low), duration(high))
    if report["starts_at"] != report["made_at"]:
        yield "Begins", f"{_clock(report['starts_at'])}, when the practice closes"
    yield "Ends", _range(_clock(report["finish_low"]), _clock(report["finish_high"]))
    if report["deadline"] is not None:
        yield "Practice opens", f"{_clock(report['deadline'])}: {_fit(report)}"
    for volume in report["volumes"]:
        enough = "enough" if volume["free_mib"] >= volume["needed_mib"] else "NOT ENOUGH"
        needed, free = (size(volume[name] << 20) for name in ("needed_mib", "free_mib"))
        yield "Disk", f"{', '.join(volume['holds'])}: {needed} needed, {free} free: {enough}"


def _fit(report: dict[str, Any]) -> str:
    if report["fits_before_deadline"]:
        return f"fits, if begun by {_clock(report['latest_start'])}"
    if report["nights"]:
        return f"takes {report['nights']} nights, and goes on by itself each evening"
    return "does not fit; it stops at the deadline, and a person resumes it the next night"


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text):%a %H:%M}"
