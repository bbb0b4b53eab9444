"""Where the time goes: the steps of one conversion, one after the other, on one radiograph of the large sensor."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from demo.files import file_bytes
from engine.imaging.decode import decode
from engine.target import disk
from tests.benchmarks.practice import draw
from tests.benchmarks.rows import Row, row

_REPEATS: Final = 15
_LARGE: Final = (1344, 1850)


def step_rows(folder: Path) -> Iterator[Row]:
    """Median milliseconds of each step. Files are written below `folder`, which must not exist."""
    folder.mkdir(parents=True)
    source = _radiograph()
    place, pixels = folder / "source", decode(source).array.data
    place.write_bytes(source)
    steps: dict[str, Callable[[], object]] = {
        "read": place.read_bytes,
        "decode": lambda: decode(source),
        "MD5": lambda: hashlib.md5(pixels, usedforsecurity=False).digest(),
        "SHA-256": lambda: hashlib.sha256(pixels).digest(),
        "write and fsync": _writer(folder, source),
        "read back and compare": lambda: disk.holds(place, source),
        "one durable transaction": _committer(folder / "journal.sqlite"),
    }
    for name, step in steps.items():
        yield row(f"step: {name}", _milliseconds(step), "ms")


def _radiograph() -> bytes:
    found = next(
        entry
        for entry in draw(40).media
        if entry[3].picture and (entry[3].picture.width, entry[3].picture.height) == _LARGE
    )
    person, study, series, medium = found
    return file_bytes(person, study, series, replace(medium, encoding="explicit"))


def _writer(folder: Path, content: bytes) -> Callable[[], None]:
    names = iter(range(10_000))
    return lambda: disk.write_durably(folder / f"written-{next(names)}", content)


def _committer(path: Path) -> Callable[[], None]:
    """Commits as the journal does: write-ahead log, flushed at each commit."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript("PRAGMA journal_mode=WAL; CREATE TABLE entry (number INTEGER)")

    def commit() -> None:
        base.execute("INSERT INTO entry VALUES (1)")

    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA synchronous=FULL")
    return commit


def _milliseconds(step: Callable[[], object]) -> float:
    step()
    taken = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return median(taken) * 1000
