"""Where the conversion's growth will lie, and how much room there is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from engine.job import Job
from engine.running.forecast import Place
from engine.target.files import TargetStore


def places(job: Job, store: TargetStore, database_file: Path | None) -> Iterator[Place]:
    """The target's store first, its database if that is a file, and the job's folder."""
    yield Place("target.store", job.target.store.stat().st_dev, store.free_bytes())
    if database_file is not None:
        yield _place("target.database", database_file)
    yield _place("job", job.folder)


def _place(name: str, path: Path) -> Place:
    return Place(name, path.stat().st_dev, shutil.disk_usage(path).free)
