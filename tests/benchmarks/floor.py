"""The floor that conversion is measured against: the same codecs, hashes, write and fsync on all cores, nothing else.

What no converter of these files into that format can leave out: read the source once, find the pixels, MD5 over them
(the target's own hash), SHA-256 over the new file, write it, flush it. No database, journal, plan, checks or reading
back. A radiograph's pixels stand at the end of its uncompressed DICOM file, so that finding them costs nothing here.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEADER, _TRAILER = b"\0" * 256, b"1XED"  # as long as those of a .dex file
_PIXELS_BEGIN: Final = b"\xe0\x7f\x10\x00OW\0\0"  # the tag, form and padding that stand before the pixels' length
_HEAD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Floor:
    """Wall time and CPU time (user and system, all workers together), in seconds."""

    seconds: float
    user_seconds: float
    system_seconds: float

    @property
    def cpu_seconds(self) -> float:
        return self.user_seconds + self.system_seconds


def measure_floor(sources: list[Path], into: Path, workers: int = 0) -> Floor:
    """What it takes to carry `sources` into `into` (removed again), with one worker a core."""
    into.mkdir(parents=True)
    pairs = [(source, into / f"{number:08d}") for number, source in enumerate(sources)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers or os.cpu_count() or 1, mp_context=context) as pool:
        list(pool.map(_nothing, range(64)))
        started = time.perf_counter()
        spent = list(pool.map(_carry, pairs, chunksize=2))
        seconds = time.perf_counter() - started
        list(pool.map(_remove, [target for _, target in pairs], chunksize=64))
    into.rmdir()
    user, system = (sum(part) for part in zip(*spent, strict=True))
    return Floor(seconds, user, system)


def _nothing(_: int) -> None:
    """Wakes a worker, so that starting it is not measured."""
    time.sleep(0.01)


def _carry(pair: tuple[Path, Path]) -> tuple[float, float]:
    """Carries one file; returns the seconds of user and system time that it took."""
    before = os.times()
    _copy(*pair)
    after = os.times()
    return after.user - before.user, after.system - before.system


def _copy(source: Path, target: Path) -> tuple[str, str]:
    data = memoryview(source.read_bytes())
    parts = [data]
    pixels = data
    if (found := bytes(data[:_HEAD_BYTES]).find(_PIXELS_BEGIN)) >= 0:
        pixels = data[found + len(_PIXELS_BEGIN) + 4 :]
        parts = [memoryview(_HEADER), pixels, memoryview(_TRAILER)]
    integrity, digest = hashlib.md5(pixels, usedforsecurity=False), hashlib.sha256()
    with target.open("xb", buffering=0) as file:
        for part in parts:
            digest.update(part)
            file.write(part)
        os.fsync(file.fileno())
    return integrity.hexdigest(), digest.hexdigest()


def _remove(target: Path) -> None:
    target.unlink()
