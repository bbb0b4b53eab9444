"""Whether memory and time for an image stay the same however many images there are: synthetic patients, small images.

Every patient has one visit with ten radiographs of 80x64 pixels, all different. Two practices, a small and a large one,
go through dry run, conversion and reconciliation; a top-up of one patient in a thousand follows on the large one.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from demo.blueprint import Blueprint, Device
from demo.dexis11 import write_database
from demo.encodings import Header, dicom
from demo.people import Person
from engine.job import Job
from protocol.vocabulary import Phase
from tests.benchmarks.phase import Measured, measure
from tests.benchmarks.practice import take_fingerprint, write_job
from tests.benchmarks.rows import Row, row, under

_IMAGES: Final = 10  # of a patient
_SIZE: Final = (64, 80)  # rows, columns; smaller files would be reported as suspect
_BITS: Final = 16
_NAMES: Final = ("Ito", "Ödegård", "Нурланова", "Papadopoulou", "García Márquez", "Nguyễn")
_FIRST: Final = datetime(2012, 1, 2, 8)  # noqa: DTZ001 - the practice's own clock
_CHANGED: Final = 1_000  # one patient in so many changes before the top-up
_PHASES: Final = {Phase.DRY_RUN: "dry run", Phase.CONVERT: "conversion", Phase.RECONCILE: "reconciliation"}
_FLAT_MEMORY, _FLAT_TIME, _TOP_UP = 1.2, 1.1, 0.05


def scale_rows(folder: Path, small: int, large: int, workers: int) -> Iterator[Row]:
    """Rows for `small` and `large` images. Practices are written below `folder` and removed."""
    first = _night(folder / "small", small, workers)
    shutil.rmtree(folder / "small")
    second = _night(folder / "large", large, workers)
    sizes = f"{small:,} to {large:,} images"
    for phase, name in _PHASES.items():
        yield from _compared(f"{name}, {sizes}", first[phase], second[phase])
    yield _top_up(folder / "large", sum(second[phase].seconds for phase in (Phase.DRY_RUN, Phase.CONVERT)))
    shutil.rmtree(folder)


def write_scale_practice(folder: Path, images: int, workers: int = 0) -> Job:
    """Writes source, empty target and a staged job below `folder`."""
    folder.mkdir(parents=True)
    device = Device(1, "DEXIS", "Platinum", "PL000000001-K")
    write_database(Blueprint((), (), (device,), ()), f"sqlite:///{folder / 'staging.sqlite'}")
    with closing(sqlite3.connect(folder / "staging.sqlite")) as staging, staging:
        _fill(staging, images // _IMAGES)
    _write_files(folder / "source", images // _IMAGES)
    return write_job(folder, workers)


def _night(folder: Path, images: int, workers: int) -> dict[Phase, Measured]:
    job = write_scale_practice(folder, images, workers)
    return {phase: measure(phase, job.folder) for phase in _PHASES}


def _compared(name: str, small: Measured, large: Measured) -> Iterator[Row]:
    """The larger practice beside the smaller one. Time is that of the processor: others use this machine too."""
    memory = under(_FLAT_MEMORY, "within 1.2 times the smaller's")
    time = under(_FLAT_TIME, "within 1.1 times the smaller's")
    yield row(f"{name}: peak memory", _peak(large), "MiB", floor=_peak(small), target=memory, ratio=True)
    yield row(f"{name}: an image", _each(large), "ms", floor=_each(small), target=time, ratio=True)
    yield row(f"{name}: an image, wall", large.seconds / large.images * 1000, "ms")


def _peak(measured: Measured) -> float:
    """The phase's own process and its largest worker."""
    return measured.main_peak_mib + measured.worker_peak_mib


def _each(measured: Measured) -> float:
    """Processor time of everything but starting up, which does not grow, for one image, in milliseconds."""
    return (measured.cpu_seconds - measured.start_cpu_seconds) / measured.images * 1000


def _top_up(folder: Path, full_seconds: float) -> Row:
    """Dry run and conversion once more, after one patient in a thousand was renamed, beside the whole night."""
    job = Job.load(folder / "job")
    with closing(sqlite3.connect(folder / "staging.sqlite")) as staging, staging:
        staging.execute("UPDATE patient SET family_name = 'Changed' WHERE id % ? = 1", (_CHANGED,))
    take_fingerprint(job)
    seconds = sum(measure(phase, job.folder).seconds for phase in (Phase.DRY_RUN, Phase.CONVERT))
    return row(
        "top-up of one patient in a thousand",
        seconds,
        "s",
        floor=full_seconds,
        target=under(_TOP_UP, "under 0.05 of the night"),
        ratio=True,
    )


def _fill(staging: sqlite3.Connection, patients: int) -> None:
    numbers = range(1, patients + 1)
    staging.execute("INSERT INTO core_info VALUES ('version', '11.2') ON CONFLICT DO NOTHING")
    for table, columns, rows in (
        ("patient", 8, map(_patient, numbers)),
        ("study", 5, map(_study, numbers)),
        ("series", 5, ((n, n, f"2.25.2{n:09}", "Bitewings", 1) for n in numbers)),
        ("media", 12, (_medium(n, image) for n in numbers for image in range(_IMAGES))),
    ):
        staging.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * columns)})", rows)


def _patient(number: int) -> tuple[object, ...]:
    born = (datetime(1940, 1, 1) + timedelta(days=number * 7 % 25_000)).date()  # noqa: DTZ001
    family = f"{_NAMES[number % len(_NAMES)]} {number}"
    return number, family, f"Given {number}", None, "FM"[number % 2], born.isoformat(), f"{number:010}", 0


def _study(number: int) -> tuple[object, ...]:
    return number, number, f"2.25.1{number:09}", "Recall", str(_FIRST + timedelta(minutes=number))


def _medium(number: int, image: int) -> tuple[object, ...]:
    key = (number - 1) * _IMAGES + image + 1
    taken = str(_FIRST + timedelta(minutes=number, seconds=image))
    turned = 90 * (image % 4), image % 2
    tooth = f"{image % 4 + 1}{number % 8 + 1}"
    return key, number, "IMAGE", f"2.25.3{key:09}", f"{image}.dcm", "INTRAORAL", taken, image + 1, *turned, tooth, 0


def _write_files(store: Path, patients: int) -> None:
    """Ten files a patient; the last pixels of each hold its number, so that no two are alike."""
    body = _picture()
    for number in range(1, patients + 1):
        folder = store / f"2.25.1{number:09}"
        folder.mkdir(parents=True)
        for image in range(_IMAGES):
            own = (number * _IMAGES + image).to_bytes(8, "little")
            (folder / f"{image}.dcm").write_bytes(body[: -len(own)] + own)


def _picture() -> bytes:
    person = Person(1, "Nobody", "Nemo", None, None, None, None)
    header = Header(person, "2.25.11", "2.25.12", "2.25.13", "IO", 1, None, None)
    pixels = np.random.default_rng(20).integers(0, 1 << _BITS, _SIZE, dtype=np.uint16)
    return dicom(header, pixels, _BITS, "MONOCHROME2", "explicit")
