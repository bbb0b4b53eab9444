"""What the dry run predicts for the night: how long, until when, and whether the disk and the hours suffice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Final

import msgspec

from engine.running.hours import Hours
from engine.running.night import RESERVE_SECONDS

MIB: Final = 1 << 20
_SAMPLE_BYTES: Final = 4 * MIB  # one radiograph
_SAMPLES: Final = 4
_DATABASE_SHARE: Final = 0.02  # of the files' bytes, for the target database's growth
_JOB_BYTES: Final = 2048  # of the job's folder for each image and each patient: journal, findings, report
_RESERVE_MIB: Final = 256  # no volume is filled to the brim
_LOW, _HIGH = 0.85, 1.5  # the night's disk may be busier or less busy than now


@dataclass(frozen=True, slots=True)
class Place:
    """Something that grows: its name in job.toml, the volume it lies on, bytes that volume has free."""

    name: str
    volume: int
    free: int


class Volume(msgspec.Struct, frozen=True):
    """A volume with everything that grows on it."""

    holds: tuple[str, ...]
    needed_mib: int
    free_mib: int

    @property
    def is_large_enough(self) -> bool:
        return self.free_mib >= self.needed_mib


class Forecast(msgspec.Struct, frozen=True):
    """Seconds are wall time; times are the practice's, in ISO 8601. `made_at` is now and `starts_at` when conversion
    may begin at the earliest; `finish_*` assume that it does. `nights`: how many it takes, at the slower rate.

    `disk_*` are those of the volume with the least to spare; `volumes` are all.
    """

    made_at: str
    patients: int
    images: int
    bytes: int
    dry_run_seconds: float
    images_per_second: float | None
    write_mib_per_second: float
    conversion_seconds_low: float
    conversion_seconds_high: float
    starts_at: str
    finish_low: str
    finish_high: str
    deadline: str | None
    latest_start: str | None
    fits_before_deadline: bool | None
    nights: int | None
    disk_needed_mib: int
    disk_free_mib: int
    volumes: tuple[Volume, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to convert: in a top-up only what is new. `seconds` is how long it took to look at it."""

    patients: int
    images: int
    bytes: int
    seconds: float


def forecast(*, now: float, hours: Hours, work: Work, write_rate: float, places: Iterable[Place]) -> Forecast:
    """From what the dry run measured: `write_rate` in bytes a second, `now` in UTC seconds.

    The first of `places` is the target's store; one called `target.database` may be missing.
    """
    expected = work.seconds + work.bytes / write_rate
    low, high = expected * _LOW, expected * _HIGH
    starts = hours.opening(now) or now
    ends = ending(hours, starts, low, high)
    room = volumes(work, list(places))
    tightest = min(room, key=lambda volume: volume.free_mib - volume.needed_mib)
    return Forecast(
        made_at=_iso(hours.wall(now)),
        patients=work.patients,
        images=work.images,
        bytes=work.bytes,
        dry_run_seconds=round(work.seconds, 3),
        images_per_second=round(work.images / work.seconds, 3) if work.seconds else None,
        write_mib_per_second=round(write_rate / MIB, 1),
        conversion_seconds_low=round(low, 3),
        conversion_seconds_high=round(high, 3),
        starts_at=_iso(hours.wall(starts)),
        finish_low=ends.finish_low,
        finish_high=ends.finish_high,
        deadline=ends.deadline,
        latest_start=ends.latest_start,
        fits_before_deadline=ends.fits_before_deadline,
        nights=_nights(hours, starts, high),
        disk_needed_mib=tightest.needed_mib,
        disk_free_mib=tightest.free_mib,
        volumes=room,
    )


class Ending(msgspec.Struct, frozen=True):
    """When work ends, by the practice's clock in ISO 8601, and whether before it opens; None where it never does."""

    finish_low: str
    finish_high: str
    deadline: str | None
    latest_start: str | None
    fits_before_deadline: bool | None


def ending(hours: Hours, starts: float, low: float, high: float) -> Ending:
    """Of work that begins, or goes on, at `starts` (UTC seconds) and takes `low` to `high` seconds."""
    closes = hours.closing(starts)

    def clock(moment: float) -> str:
        return _iso(hours.wall(moment))

    return Ending(
        finish_low=clock(starts + low),
        finish_high=clock(starts + high),
        deadline=None if closes is None else clock(closes),
        latest_start=None if closes is None else clock(closes - high),
        fits_before_deadline=None if closes is None else starts + high <= closes,
    )


def _nights(hours: Hours, starts: float, seconds: float) -> int | None:
    """How many nights of the length of the first; None where a night has no begin."""
    night = hours.night_seconds(starts)
    if hours.begin is None or night is None:
        return None
    return max(1, ceil(seconds / max(night - RESERVE_SECONDS, 1.0)))


def volumes(work: Work, places: list[Place]) -> tuple[Volume, ...]:
    """What is needed on each volume. A database on a server is taken to lie where the store lies.

    Incoming files are linked, not copied, so they take no room of their own.
    """
    store = places[0]
    growth = {
        store.name: work.bytes,
        "target.database": ceil(work.bytes * _DATABASE_SHARE),
        "job": (work.images + work.patients) * _JOB_BYTES,
    }
    lying = {place.name: place for place in places}
    found: dict[int, list[str]] = {}
    for name in growth:
        found.setdefault(lying.get(name, store).volume, []).append(name)
    return tuple(
        Volume(
            tuple(names),
            _needed_mib(sum(growth[name] for name in names)),
            next(place.free for place in places if place.volume == volume) // MIB,
        )
        for volume, names in found.items()
    )


def _needed_mib(size: int) -> int:
    return ceil(size / MIB) + (_RESERVE_MIB if size else 0)


def measured_write_rate(folder: Path, clock: Callable[[], float]) -> float:
    """Bytes a second that can be written durably below `folder`, from a few files of a radiograph's size."""
    place, block = folder / "write-rate.tmp", os.urandom(_SAMPLE_BYTES)
    started = clock()
    try:
        for _ in range(_SAMPLES):
            with place.open("wb", buffering=0) as file:
                file.write(block)
                os.fsync(file.fileno())
    finally:
        place.unlink(missing_ok=True)
    return _SAMPLES * _SAMPLE_BYTES / max(clock() - started, 1e-6)


def _iso(moment: datetime) -> str:
    return (moment if moment.tzinfo else moment.astimezone()).isoformat(timespec="seconds")
