"""Where something failed, as people find it again in job.toml; and what the system says against it, in words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.job import Job
from engine.meanings import disks
from engine.meanings.databases import of_own_file, told
from engine.source.urls import dialect_of, sqlite_path
from protocol.errors import EnvironmentProblem

Refusal = OSError | sqlite3.Error | MemoryError

_COMMAND = "run the same command again; it resumes"


@contextmanager
def explained(job: Job) -> Iterator[None]:
    """Whatever the system says against a file of the job ends the command in words. Raises EnvironmentProblem."""
    try:
        yield
    except BrokenPipeError:  # whoever read the output is gone: that is no disk
        raise
    except (OSError, sqlite3.Error, MemoryError) as error:
        raise problem(error, _place(error, job)) from error


def problem(error: Refusal, where: str) -> EnvironmentProblem:
    """The error in words. Its own text may hold a path or a patient and goes no further."""
    match error:
        case OSError():
            meaning, what = (found := disks.meaning_of(error)), found.what
        case sqlite3.Error():
            meaning = of_own_file(error)
            what = told(meaning.what, error)
        case _:
            meaning, what = disks.MEMORY, disks.MEMORY.what
    return EnvironmentProblem(what, where=where, next_step=meaning.next_with(_COMMAND))


def _place(error: Refusal, job: Job) -> str:
    """The place in job.toml that a path belongs to. What names no path was written into the job's folder.

    The path itself is not told: below a store it may identify a patient.
    """
    name = getattr(error, "filename", None)
    if not isinstance(name, str):
        return _job_folder(job)
    places = ((_plain(folder), key) for folder, key in _places(job))
    holding = [(folder, key) for folder, key in places if Path(_plain(name)).is_relative_to(folder)]
    folder, key = max(holding, key=lambda place: len(place[0]), default=("", "a file outside the places of job.toml"))
    return f"{key} {folder}".rstrip()


def _plain(path: Path | str) -> str:
    """The whole path without `..`; its disk is not asked, it may be the one that is in trouble."""
    return os.path.abspath(path)  # noqa: PTH100


def _job_folder(job: Job) -> str:
    return f"job folder {job.folder}"


def _places(job: Job) -> Iterator[tuple[Path, str]]:
    yield job.folder, "job folder"
    yield job.target.store, "target.store"
    yield from ((folder, "source.store") for folder in job.source.store)
    yield job.source.snapshot.path, "source.snapshot"
    for url, key in ((job.source.staging, "source.staging"), (job.target.database, "target.database")):
        if dialect_of(url) == "sqlite":
            yield sqlite_path(url).parent, key
