"""What outlasts a power cut outside the matrix: SQLite's commits, once answered, and files put in place by a rename."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.journal import Journal
from engine.phases import dry_run
from engine.profiles.load import load_source, load_target
from engine.settings import SnapshotKind
from engine.source.snapshot import restore
from engine.target.database import TargetDatabase
from protocol.vocabulary import Phase
from tests.engine.source.practice import ROWS, fill_sqlite, job
from tests.engine.tiny import TinyPractice, run_phase

pytestmark = pytest.mark.fault

_FULL, _EXTRA = 2, 3


def test_the_target_flushes_its_folder_after_a_commit(tmp_path: Path) -> None:
    """In a rollback journal's mode FULL is not enough: the journal's name may come back and undo the commit."""
    tiny = TinyPractice().build(tmp_path / "practice")
    with (
        closing(TargetDatabase(tiny.target, load_target("dexis10"), read_only=False)) as database,
        database.transaction() as connection,
    ):
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == _EXTRA


def test_the_journal_flushes_its_log_at_each_commit(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.sqlite", "run", "plan")) as journal:
        assert journal._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._database.execute("PRAGMA synchronous").fetchone() == (_FULL,)


def test_what_must_not_be_lost_is_on_the_disk_before_a_rename_puts_it_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a power cut leaves the new name with an empty file, and the old file is gone."""
    flushed, placed = set[str](), set[str]()
    fsync, rename = os.fsync, os.replace

    def flushes(handle: int) -> None:
        flushed.add(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    def places(source: Any, destination: Any) -> None:
        if str(Path(source).resolve()) in flushed:
            placed.add(Path(destination).name)
        rename(source, destination)

    monkeypatch.setattr(os, "fsync", flushes)
    monkeypatch.setattr(os, "replace", places)
    tiny = TinyPractice().build(tmp_path / "practice")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    fill_sqlite(tmp_path / "backup", ROWS)
    staged = job(tmp_path, SnapshotKind.SQLITE_FILE, tmp_path / "backup", f"sqlite:///{tmp_path}/staging.db")
    restore(staged, load_source("dexis11"))
    assert str(tiny.job.findings_path) in flushed, "findings, before the evidence that counts them"
    written = (
        tiny.job.findings_path,
        tiny.job.plan_path,
        tiny.job.fingerprint_path,
        tiny.job.listing_path,
        tmp_path / "staging.db",
    )
    assert {path.name for path in written} - placed == set()
