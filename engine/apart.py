"""DEXIS 11 is never written, whatever job.toml says: nothing that Bitewing writes may lie in what it only reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engine.job import Job
from engine.source.urls import dialect_of, same_database, sqlite_path
from protocol.errors import UsageProblem


def require_apart(job: Job) -> None:
    """Returns if every place that is written lies apart from the source. Raises UsageProblem."""
    for name, place in _written(job):
        for root in job.source.store:
            if _inside(place, root):
                raise _refusal(name, "lies in source.store, which is never written")
    if any(_inside(root, job.target.store) for root in job.source.store):
        raise _refusal("target.store", "holds source.store, which is never written")
    for name, url in (("source.production", job.source.production), ("source.staging", job.source.staging)):
        if url is not None and same_database(job.target.database, url):
            raise _refusal("target.database", f"is the same database as {name}")


def _written(job: Job) -> Iterator[tuple[str, Path]]:
    yield "the job's folder", job.folder
    yield "target.store", job.target.store
    yield from _database_files(job)


def _database_files(job: Job) -> Iterator[tuple[str, Path]]:
    for name, url in (("source.staging", job.source.staging), ("target.database", job.target.database)):
        if dialect_of(url) == "sqlite":
            yield name, sqlite_path(url)


def _inside(place: Path, folder: Path) -> bool:
    """Whether `place` is `folder` or lies below it, links followed, letters alike where the OS thinks so."""
    return Path(os.path.normcase(place.resolve())).is_relative_to(os.path.normcase(folder.resolve()))


def _refusal(name: str, what: str) -> UsageProblem:
    return UsageProblem(f"{name} {what}", where="job.toml", next_step="name a place of its own; nothing was written")
