"""A SQLite backup becomes staging whole, or staging stays what it was and the reason is said."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.job import Job
from engine.profiles.load import load_source
from engine.settings import SnapshotKind
from engine.source.snapshot import Restored, restore
from engine.source.snapshot import sqlite as provider
from engine.source.snapshot.staging import MARKER
from protocol.errors import EnvironmentProblem, UsageProblem
from tests.engine.source.practice import ROWS, TABLES, fill_sqlite, job

PROFILE = load_source("dexis11")


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    fill_sqlite(tmp_path / "backup.db")
    return tmp_path / "backup.db"


def a_job(tmp_path: Path, backup: Path, staging: Path | None = None, **more: Any) -> Job:
    (tmp_path / "store").mkdir(exist_ok=True)
    staging = staging or tmp_path / "job" / "staging.db"
    return job(tmp_path, SnapshotKind.SQLITE_FILE, backup, f"sqlite:///{staging}", **more)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def test_a_backup_becomes_staging_with_every_row(tmp_path: Path, backup: Path) -> None:
    assert restore(a_job(tmp_path, backup), PROFILE) == Restored(len(TABLES))
    for table in TABLES:
        statement = f"SELECT * FROM {table} ORDER BY id" if table != "core_info" else "SELECT * FROM core_info"
        assert query(tmp_path / "job" / "staging.db", statement) == query(backup, statement)


def test_the_backup_is_not_touched(tmp_path: Path, backup: Path) -> None:
    os.utime(backup, ns=(1_000_000_000, 2_000_000_000))
    names, digest = names_in(tmp_path), hashlib.sha256(backup.read_bytes()).hexdigest()
    os.utime(backup, ns=(1_000_000_000, 2_000_000_000))
    restore(a_job(tmp_path, backup), PROFILE)
    status = backup.stat()
    assert (status.st_atime_ns, status.st_mtime_ns) == (1_000_000_000, 2_000_000_000)
    assert hashlib.sha256(backup.read_bytes()).hexdigest() == digest
    assert names_in(tmp_path) == sorted([*names, "job", "store"])


def test_staging_again_replaces_what_was_staged(tmp_path: Path, backup: Path) -> None:
    this = a_job(tmp_path, backup)
    restore(this, PROFILE)
    backup.unlink()
    fill_sqlite(backup, {**ROWS, "device": []})
    restore(this, PROFILE)
    assert query(tmp_path / "job" / "staging.db", "SELECT count(*) FROM device") == [(0,)]


def test_a_staging_that_broke_half_way_is_made_whole_by_the_next_try(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = a_job(tmp_path, backup)
    restore(this, PROFILE)

    def killed(part: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(provider, "_mark", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(this, PROFILE)
    assert query(tmp_path / "job" / "staging.db", f"SELECT count(*) FROM {MARKER}") == [(1,)]
    restore(this, PROFILE)
    assert names_in(tmp_path / "job") == ["staging.db"]


def test_a_database_without_our_marker_is_never_replaced(tmp_path: Path, backup: Path) -> None:
    (tmp_path / "job").mkdir()
    fill_sqlite(tmp_path / "job" / "staging.db", {**ROWS, "device": []})
    before = (tmp_path / "job" / "staging.db").read_bytes()
    with pytest.raises(UsageProblem, match="did not make"):
        restore(a_job(tmp_path, backup), PROFILE)
    assert (tmp_path / "job" / "staging.db").read_bytes() == before


def test_a_file_that_is_no_database_is_never_replaced(tmp_path: Path, backup: Path) -> None:
    (tmp_path / "notes.txt").write_text("my notes")
    with pytest.raises(UsageProblem, match="did not make"):
        restore(a_job(tmp_path, backup, tmp_path / "notes.txt"), PROFILE)
    assert (tmp_path / "notes.txt").read_text() == "my notes"


@pytest.mark.parametrize("where", ["production", "backup", "target", "store", "a link to the store"])
def test_what_belongs_to_the_practice_is_refused_as_staging(tmp_path: Path, backup: Path, where: str) -> None:
    production = tmp_path / "core.db"
    staging = {
        "production": tmp_path / "job" / ".." / "core.db",
        "backup": backup,
        "target": tmp_path / "target.db",
        "store": tmp_path / "store" / "staging.db",
        "a link to the store": tmp_path / "link" / "staging.db",
    }[where]
    (tmp_path / "job").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "store")
    with pytest.raises(UsageProblem, match=r"staging (is|lies)"):
        restore(a_job(tmp_path, backup, staging, production=f"sqlite:///{production}"), PROFILE)
    assert not (tmp_path / "store" / "staging.db").exists()


def damaged(backup: Path) -> None:
    content = bytearray(backup.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    backup.write_bytes(content)


def beside_a_log(backup: Path) -> None:
    backup.with_name(f"{backup.name}-wal").write_bytes(b"unfinished")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda backup: backup.unlink(), "not there"),
        (lambda backup: backup.write_bytes(b""), "empty"),
        (lambda backup: backup.write_bytes(b"PGDMP" + bytes(5000)), "not a SQLite database"),
        (lambda backup: backup.write_bytes(backup.read_bytes()[:-4096]), "truncated"),
        (lambda backup: backup.write_bytes(backup.read_bytes()[:60]), "truncated"),
        (damaged, r"damaged|integrity"),
        (beside_a_log, "write-ahead log"),
    ],
    ids=["missing", "empty", "other-system", "truncated", "header-only", "damaged", "live-database"],
)
def test_a_bad_backup_is_said_and_staging_stays_what_it_was(tmp_path: Path, backup: Path, spoil: Any, why: str) -> None:
    this = a_job(tmp_path, backup)
    restore(this, PROFILE)
    spoil(backup)
    with pytest.raises(EnvironmentProblem, match=why):
        restore(this, PROFILE)
    assert query(tmp_path / "job" / "staging.db", "SELECT count(*) FROM device") == [(2,)]


def test_a_backup_in_wal_mode_becomes_a_staging_that_needs_no_log(tmp_path: Path, backup: Path) -> None:
    with contextlib.closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    restore(a_job(tmp_path, backup), PROFILE)
    assert query(tmp_path / "job" / "staging.db", "PRAGMA journal_mode") == [("delete",)]


def test_a_backup_of_another_system_has_none_of_the_tables(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
    assert restore(a_job(tmp_path, tmp_path / "other.db"), PROFILE) == Restored(0)


def test_a_backup_of_another_kind_than_staging_is_refused(tmp_path: Path, backup: Path) -> None:
    (tmp_path / "store").mkdir()
    this = job(tmp_path, SnapshotKind.POSTGRESQL_DUMP, backup, f"sqlite:///{tmp_path}/staging.db")
    with pytest.raises(UsageProblem, match="cannot be restored into sqlite"):
        restore(this, PROFILE)
