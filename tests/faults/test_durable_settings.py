"""What the power layer takes from SQLite's settings: that a commit, once answered, outlasts a power cut."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from engine.journal import Journal
from engine.profiles.load import load_target
from engine.target.database import TargetDatabase
from tests.engine.tiny import TinyPractice

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
