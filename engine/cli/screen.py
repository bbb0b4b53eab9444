"""What a person sees while a phase runs: how far, how fast, how long still, and what was found."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from engine.events import Event, FindingsCounted, PhaseEnded, PhaseStarted
from engine.events import Progress as Tally


class Screen:
    """A progress line on stderr; silent where a program reads the output."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[done]}  {task.fields[speed]}  {task.fields[left]}"),
            TextColumn("{task.fields[found]}"),
            console=Console(stderr=True),
            disable=quiet,
        )
        self._task: TaskID | None = None
        self._unit = ""

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._progress.stop()

    def begin(self, name: str, unit: str = "images") -> None:
        """Shows that something with this name is under way, counted in `unit`; nobody knows yet how much there is."""
        self._unit = unit
        self._progress.start()
        self._task = self._progress.add_task(name, total=None, done="", speed="", left="", found="")

    def advance(self, done: int, total: int, per_second: float | None, left: str) -> None:
        """Shows how far what was begun has come."""
        text = f"{done:,} of {total:,} {self._unit}"
        self._show(done=text, completed=done, total=total, speed=speed(per_second), left=left)

    def show(self, event: Event) -> None:
        """Shows one event."""
        match event:
            case PhaseStarted():
                self.begin(str(event.phase))
            case Tally() if event.doing:
                self._show(done=event.doing, speed="", left="", **bar(event))
            case Tally() if event.images_total:
                left = "paused" if event.paused else time_left(event.seconds_left_low, event.seconds_left_high)
                self.advance(event.images_done, event.images_total, event.images_per_second, left)
            case Tally():
                self._show(done=uncounted(event), left="paused" if event.paused else "")
            case FindingsCounted():
                self._show(found=findings(sum(event.counts.values())))
            case PhaseEnded():
                self._show(left=f"took {duration(event.seconds)}")
            case _:
                pass

    def _show(self, **fields: Any) -> None:
        if self._task is not None:
            self._progress.update(self._task, **fields)


def bar(event: Tally) -> dict[str, int | None]:
    """How far the bar reaches; it only moves to and fro while nobody knows how much there is."""
    return {"completed": event.images_done, "total": event.images_total or None}


def uncounted(event: Tally) -> str:
    """What a phase has done whose images nobody has counted: what it copied, read and listed so far."""
    parts = (
        (event.bytes_done, f"{size(event.bytes_done)} restored"),
        (event.rows_done, f"{event.rows_done:,} rows read"),
        (event.files_done, f"{event.files_done:,} files listed"),
    )
    return ", ".join(text for count, text in parts if count)


def findings(count: int) -> str:
    return "1 finding" if count == 1 else f"{count:,} findings"


def speed(images_per_second: float | None) -> str:
    return f"{images_per_second:,.0f}/s" if images_per_second else ""


def size(count: int) -> str:
    """Bytes as people say them: `98 KiB`, `1.2 GiB`."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:,.0f} {units[0]}" if units[0] in ("B", "KiB") else f"{amount:,.1f} {units[0]}"


def time_left(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    shortest, longest = duration(low), duration(high)
    return f"{longest} left" if shortest == longest else f"{shortest} to {longest} left"


def duration(seconds: float) -> str:
    """A length of time as people say it: `42 s`, `3 min`, `2 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
