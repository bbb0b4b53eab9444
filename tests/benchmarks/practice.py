"""The practice that speed is measured on: the reference mix of images, uncompressed, in patients of ordinary size.

Of every twenty images fourteen are of a large sensor (1344x1850), three of a small one (1040x1552), one is a panoramic
(2976x1536) and two are JPEG photos (1920x1080). Radiographs are DICOM without compression, 12 to 16 bits, with pixels
of real radiographs (see demo/radiographs.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from demo.blueprint import Blueprint, Device, Medium, Picture, Series, Study
from demo.dexis10 import write_empty_database, write_empty_store
from demo.dexis11 import write_database, write_store
from demo.people import make_people
from demo.photographs import Photograph
from demo.radiographs import Radiograph
from engine.job import Job, new_run_file
from engine.profiles.load import load_source
from engine.source.database import SourceDatabase
from engine.source.fingerprint import take

_SEED: Final = 20
_DECK: Final = "LLSLLFLLLSLPLLLFSLLL"  # L large, S small, P panoramic, F photo
_SIZES: Final = {"L": (1344, 1850), "S": (1040, 1552), "P": (2976, 1536)}
_CATEGORIES: Final = {"L": "INTRAORAL", "S": "INTRAORAL", "P": "PANORAMIC", "F": "PICTURE_EXTRAORAL"}
_DEPTHS: Final = (("RG1", 12), ("RG3", 16), ("RG1", 14), ("RG1", 15), ("RG3", 13))
_PHOTO: Final = (1920, 1080)
_PER_PATIENT: Final = (8, 20)  # images, at least and at most
_PER_VISIT: Final = 7  # images, at most
_FIRST_VISIT: Final = datetime(2016, 3, 1, 9)  # noqa: DTZ001 - the practice's own clock
_DEVICE: Final = Device(1, "DEXIS", "Platinum", "PL000000001-K")


def write_reference_practice(folder: Path, images: int, workers: int = 0) -> Job:
    """Writes source, empty target and a staged job with (at least) `images` images below `folder`."""
    blueprint = draw(images)
    write_database(blueprint, _staging(folder))
    write_store(blueprint, folder / "source")
    return write_job(folder, workers)


def write_job(folder: Path, workers: int) -> Job:
    """A job over `folder`'s staging.sqlite and source/, with its fingerprint taken, and an empty target."""
    write_empty_database(f"sqlite:///{folder / 'target.sqlite'}")
    write_empty_store(folder / "target")
    (folder / "backup.sqlite").write_bytes(b"stands for the backup")
    job_folder = folder / "job"
    job_folder.mkdir()
    (job_folder / "run.json").write_bytes(new_run_file("be" * 16, b"k" * 32, 1_800_000_000))
    (job_folder / "job.toml").write_text(
        "[source]\nprofile = 'dexis11'\nsnapshot = { kind = 'sqlite-file', path = '../backup.sqlite' }\n"
        "staging = 'sqlite:///../staging.sqlite'\nstore = ['../source']\n"
        "[target]\nprofile = 'dexis10'\ndatabase = 'sqlite:///../target.sqlite'\nstore = '../target'\n"
        f"[run]\nworkers = {workers}\n",
        encoding="utf-8",
    )
    job = Job.load(job_folder)
    take_fingerprint(job)
    return job


def take_fingerprint(job: Job) -> None:
    """As staging leaves it."""
    with SourceDatabase.open(job.source.staging, load_source(job.source.profile)) as staging:
        take(job, staging).save(job.fingerprint_path)


def draw(images: int) -> Blueprint:
    """A practice with at least `images` images, the same for the same number."""
    chance, keys = random.Random(_SEED), _Keys(count(1), count(1), count(1))
    studies: list[tuple[Study, ...]] = []
    drawn = 0
    while drawn < images:
        wanted = chance.randint(*_PER_PATIENT)
        studies.append(tuple(_visits(wanted, chance, keys)))
        drawn += wanted
    people = make_people(len(studies), seed=_SEED)
    return Blueprint(people, tuple(studies), (_DEVICE,), ())


@dataclass(frozen=True)
class _Keys:
    study: Iterator[int]
    series: Iterator[int]
    medium: Iterator[int]


def _visits(images: int, chance: random.Random, keys: _Keys) -> Iterator[Study]:
    start = _FIRST_VISIT + timedelta(minutes=chance.randrange(4_000_000))
    while images > 0:
        taken = min(images, _PER_VISIT)
        yield _study(taken, start, chance, keys)
        images, start = images - taken, start + timedelta(days=170)


def _study(images: int, start: datetime, chance: random.Random, keys: _Keys) -> Study:
    series = next(keys.series)
    media = tuple(_medium(next(keys.medium), series, number, start, chance) for number in range(1, images + 1))
    held = Series(series, _uid(chance), "Bitewings", _DEVICE, media)
    return Study(next(keys.study), _uid(chance), "Recall", start, (held,))


def _medium(key: int, series: int, number: int, start: datetime, chance: random.Random) -> Medium:
    kind = _DECK[key % len(_DECK)]
    uid, is_photo = _uid(chance), kind == "F"
    rotation, mirrored = (0, False) if is_photo else (90 * (key % 4), key % 8 > 3)
    return Medium(
        key=key,
        series_key=series,
        kind="IMAGE",
        uid=uid,
        file=f"{uid}.{'jpg' if is_photo else 'dcm'}",
        category=_CATEGORIES[kind],
        acquired_at=start + timedelta(minutes=number),
        number=number,
        rotation=rotation,
        mirrored=mirrored,
        teeth=None if kind in "PF" else f"{chance.randint(1, 4)}{chance.randint(1, 8)}",
        deleted=False,
        encoding="jpeg" if is_photo else "explicit",
        picture=_picture(kind, key, rotation, mirrored),
    )


def _picture(kind: str, key: int, rotation: int, mirrored: bool) -> Picture:
    if kind == "F":
        return Photograph(*_PHOTO, scene=key, stamp=key)
    original, bits = _DEPTHS[key % len(_DEPTHS)]
    photometric = "MONOCHROME1" if key % 3 == 0 else "MONOCHROME2"
    return Radiograph(original, *_SIZES[kind], bits, photometric, rotation, mirrored, stamp=key)


def _uid(chance: random.Random) -> str:
    return f"2.25.{chance.getrandbits(127)}"


def _staging(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'staging.sqlite'}"
