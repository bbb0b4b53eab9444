"""The floor that conversion is measured against: read, hash, write, fsync, on all cores, and nothing else."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path


def copy_and_hash(sources: list[Path], into: Path) -> float:
    """Seconds to copy `sources` into `into`, each hashed and durable, with one worker a core."""
    into.mkdir(parents=True)
    pairs = [(source, into / f"{number:08d}") for number, source in enumerate(sources)]
    with ProcessPoolExecutor() as workers:
        list(workers.map(_nothing, range(os.cpu_count() or 1)))
        started = time.perf_counter()
        list(workers.map(_copy, pairs, chunksize=8))
        return time.perf_counter() - started


def _nothing(_: int) -> None:
    """Wakes a worker, so that starting it is not measured."""


def _copy(pair: tuple[Path, Path]) -> str:
    source, target = pair
    data = source.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    with target.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return digest
