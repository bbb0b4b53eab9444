"""The phases over the reference mix, each beside the floor measured just before and just after it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.job import Job
from protocol.vocabulary import Phase
from tests.benchmarks.floor import Floor, measure_floor
from tests.benchmarks.phase import Measured, measure
from tests.benchmarks.practice import write_reference_practice
from tests.benchmarks.rows import Row, at_least, row, under

_HOUR: Final = 3600.0
_PUBLISHED: Final = 100_000  # images an hour: the rate the field publishes for a conversion
_TARGET: Final = 200_000
_PHASES: Final = (Phase.DRY_RUN, Phase.CONVERT, Phase.RECONCILE)


@dataclass(frozen=True, slots=True)
class Night:
    """What the phases took over one practice of `files` files, and the floors around them: one more than phases."""

    files: int
    phases: tuple[Measured, ...]
    floors: tuple[Floor, ...]


def reference_rows(folder: Path, images: int, workers: int) -> Iterator[Row]:
    """Writes the practice below `folder`, runs it through, and removes it."""
    job = write_reference_practice(folder, images, workers)
    night = run_through(job, folder, workers)
    shutil.rmtree(folder)
    yield from rows_of(night)


def run_through(job: Job, folder: Path, workers: int) -> Night:
    """Floor, dry run, floor, conversion, floor, reconciliation, floor; sources are in memory from the first on."""
    sources = sorted(path for path in (folder / "source").rglob("*") if path.is_file())
    for source in sources:
        source.read_bytes()
    phases, floors = [], [measure_floor(sources, folder / "floor", workers)]
    for phase in _PHASES:
        phases.append(measure(phase, job.folder))
        floors.append(measure_floor(sources, folder / "floor", workers))
    return Night(len(sources), tuple(phases), tuple(floors))


def rows_of(night: Night) -> Iterator[Row]:
    """The rows of testing.md that speak of the reference mix."""
    dry_run, conversion, reconciliation = night.phases
    rate = conversion.images_per_hour
    share = at_least(0.8, "at least 0.80 of the floor")
    yield row("conversion", rate, "images/h", floor=_around(night, 1), target=share, ratio=True)
    yield row("conversion on this machine", rate, "images/h", target=at_least(_TARGET))
    yield row("conversion, processor time an image", conversion.cpu_milliseconds, "ms", floor=_floor_cpu(night))
    as_fast = at_least(rate, "the conversion's rate")
    yield row("dry run", dry_run.images_per_hour, "images/h", floor=_around(night, 0), target=as_fast)
    yield row("dry run, processor time an image", dry_run.cpu_milliseconds, "ms")
    yield row(
        "reconciliation of every pixel",
        reconciliation.images_per_hour,
        "images/h",
        floor=_around(night, 2),
        target=as_fast,
    )
    yield row("reconciliation, processor time an image", reconciliation.cpu_milliseconds, "ms")
    together = _PUBLISHED / rate + _PUBLISHED / reconciliation.images_per_hour
    yield row("conversion and reconciliation of 100,000", together * 60, "min", target=under(60))
    yield row("conversion, begin and end once a run", conversion.seconds - conversion.loop_seconds, "s")
    yield row("floor, highest to lowest of the run", _noise(night), "times")


def _floor_cpu(night: Night) -> float:
    return sum(floor.cpu_seconds for floor in night.floors[1:3]) / 2 / night.files * 1000


def _around(night: Night, place: int) -> float:
    """The floor's rate, by the time it took just before and just after the phase."""
    seconds = (night.floors[place].seconds + night.floors[place + 1].seconds) / 2
    return night.files / seconds * _HOUR


def _noise(night: Night) -> float:
    seconds = [floor.seconds for floor in night.floors]
    return max(seconds) / min(seconds)
