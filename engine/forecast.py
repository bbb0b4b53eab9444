"""What the dry run predicts for the night: how long, until when, and whether the disk and the hours suffice."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, time, timedelta
from math import ceil
from pathlib import Path
from typing import Final

import msgspec

MIB: Final = 1 << 20
_SAMPLE_BYTES: Final = 4 * MIB  # one radiograph
_SAMPLES: Final = 4
_DATABASE_SHARE: Final = 0.02  # of the files' bytes, for the target database's growth
_RESERVE_MIB: Final = 256  # the volume is never filled to the brim
_LOW, _HIGH = 0.85, 1.5  # the night's disk may be busier or less busy than now


class Forecast(msgspec.Struct, frozen=True):
    """Seconds are wall time. `finish_*` assume a start at `made_at`; local times in ISO 8601."""

    made_at: str
    patients: int
    images: int
    bytes: int
    dry_run_seconds: float
    images_per_second: float | None
    write_mib_per_second: float
    conversion_seconds_low: float
    conversion_seconds_high: float
    finish_low: str
    finish_high: str
    deadline: str | None
    latest_start: str | None
    fits_before_deadline: bool | None
    disk_needed_mib: int
    disk_free_mib: int


def forecast(
    *,
    now: datetime,
    patients: int,
    images: int,
    size: int,
    seconds: float,
    write_rate: float,
    deadline: time | None,
    free_mib: int,
) -> Forecast:
    """From what the dry run measured: `seconds` for everything but the writing, `write_rate` in bytes a second."""
    expected = seconds + size / write_rate
    low, high = expected * _LOW, expected * _HIGH
    opens = _next(now, deadline) if deadline else None
    return Forecast(
        made_at=_iso(now),
        patients=patients,
        images=images,
        bytes=size,
        dry_run_seconds=round(seconds, 3),
        images_per_second=round(images / seconds, 3) if seconds else None,
        write_mib_per_second=round(write_rate / MIB, 1),
        conversion_seconds_low=round(low, 3),
        conversion_seconds_high=round(high, 3),
        finish_low=_iso(now + timedelta(seconds=low)),
        finish_high=_iso(now + timedelta(seconds=high)),
        deadline=_iso(opens) if opens else None,
        latest_start=_iso(opens - timedelta(seconds=high)) if opens else None,
        fits_before_deadline=now + timedelta(seconds=high) <= opens if opens else None,
        disk_needed_mib=disk_needed_mib(size),
        disk_free_mib=free_mib,
    )


def disk_needed_mib(size: int) -> int:
    """MiB that must be free on the target volume for files of `size` bytes: files, database growth, a reserve.

    Incoming files are linked, not copied, so they take no room of their own.
    """
    return ceil(size * (1 + _DATABASE_SHARE) / MIB) + (_RESERVE_MIB if size else 0)


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


def _next(now: datetime, at: time) -> datetime:
    """The next moment after `now` when the clock says `at`."""
    today = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
