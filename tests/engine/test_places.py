"""Whatever the system says against a file of the job is told in words, by its place in job.toml, without its path."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from engine.places import explained
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import Refusal
from tests.engine.tiny import Tiny, TinyPractice

PATIENT = "Odegard-Ana.dcm"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return TinyPractice().build(tmp_path_factory.mktemp("places") / "practice")


def met(tiny: Tiny, error: BaseException) -> EnvironmentProblem:
    with pytest.raises(EnvironmentProblem) as caught, explained(tiny.job):
        raise error
    return caught.value


def full(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_each_place_of_the_job_is_named_by_its_key_and_nothing_below_it(tiny: Tiny) -> None:
    for folder, key in (
        (tiny.folder, "job folder"),
        (tiny.store, "target.store"),
        (tiny.source, "source.store"),
    ):
        told = met(tiny, full(folder / "Smith" / PATIENT))
        assert told.where.startswith(key) and str(folder.resolve()) in told.where
        assert told.what == "the disk is full" and "make room" in told.next_step
        assert "Smith" not in str(told) and PATIENT not in str(told)


def test_a_backup_that_cannot_be_read_is_named_too(tiny: Tiny) -> None:
    told = met(tiny, PermissionError(errno.EACCES, "denied", str(tiny.job.source.snapshot.path)))
    assert told.where.startswith("source.snapshot") and "access is denied" in told.what


def test_a_path_outside_of_everything_is_not_told(tiny: Tiny) -> None:
    assert PATIENT not in str(met(tiny, full(Path("/elsewhere") / PATIENT)))


def test_what_names_no_file_was_written_into_the_job_folder(tiny: Tiny) -> None:
    assert met(tiny, OSError(errno.ENOSPC, "No space left on device")).where.startswith("job folder")
    told = met(tiny, sqlite3.OperationalError(f"database or disk is full: {PATIENT}"))
    assert told.where.startswith("job folder") and PATIENT not in str(told) and told.next_step


def test_short_memory_is_told_in_words(tiny: Tiny) -> None:
    assert "short of memory" in met(tiny, MemoryError()).what


@pytest.mark.parametrize(
    "other", [BrokenPipeError(), Refused(Refusal.JOB_HELD, "held"), KeyError("a defect")], ids=repr
)
def test_everything_else_passes(tiny: Tiny, other: Exception) -> None:
    with pytest.raises(type(other)), explained(tiny.job):
        raise other
