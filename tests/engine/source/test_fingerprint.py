"""The fingerprint notices every change of the source, and nothing else."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.job import Job
from engine.profiles.load import load_source
from engine.settings import SnapshotKind
from engine.source.check import source_check
from engine.source.database import SourceDatabase
from engine.source.fingerprint import Fingerprint, TableFingerprint, take
from protocol.errors import EnvironmentProblem, UsageProblem
from tests.engine.source.practice import ROWS, fill_postgresql, fill_sqlite, job

PROFILE = load_source("dexis11")


def fingerprint_of(this: Job) -> Fingerprint:
    with SourceDatabase.open(this.source.staging, PROFILE) as database:
        return take(this, database)


@pytest.fixture
def staged(tmp_path: Path) -> Job:
    """A job whose fingerprint was taken."""
    store = tmp_path / "store" / "1.2.100"
    store.mkdir(parents=True)
    (store / "a.dcm").write_bytes(b"pixels")
    (store / "b.dcm").write_bytes(b"more pixels")
    (tmp_path / "backup.db").write_bytes(b"the backup")
    url = fill_sqlite(tmp_path / "staging.db")
    this = job(tmp_path, SnapshotKind.SQLITE_FILE, tmp_path / "backup.db", url)
    fingerprint_of(this).save(this.fingerprint_path)
    return this


def change(this: Job, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(this.folder / "staging.db")) as connection, connection:
        connection.execute(statement)


def changed(this: Job) -> list[str]:
    """What is not what it was; nothing may have come."""
    state = source_check(this)
    assert (state.arrived, state.arrivals) == ((), 0)
    return list(state.changed)


def test_nothing_changed_is_no_difference(staged: Job) -> None:
    assert changed(staged) == []
    assert source_check(staged).is_as_staged


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("UPDATE patient SET family_name = 'Odegård' WHERE id = 10", "rows of table patient have changed"),
        ("UPDATE media SET teeth = NULL WHERE teeth = ''", "rows of table media have changed"),
        ("UPDATE patient SET practice_pms_id = 42 WHERE id = 10", "rows of table patient have changed"),
        ("DELETE FROM media WHERE id = 1000", "table media had 13 rows, now 12"),
        ("INSERT INTO device VALUES (3, 'x', 'y', 'z')", "table device had 2 rows, now 3"),
        ("ALTER TABLE device ADD COLUMN colour TEXT", "table device has other columns"),
        ("CREATE TABLE extra (id INTEGER)", "table extra is new"),
        ("DROP TABLE annotation", "table annotation is gone"),
    ],
)
def test_a_change_in_staging_is_named(staged: Job, statement: str, difference: str) -> None:
    change(staged, statement)
    assert changed(staged) == [f"staging: {difference}"]


def longer(store: Path) -> None:
    (store / "a.dcm").write_bytes(b"pixels!")


def touched(store: Path) -> None:
    os.utime(store / "a.dcm", ns=(1, 1))


def exchanged(store: Path) -> None:
    os.utime(store / "b.dcm", ns=(5, 5))  # written within one tick of the clock, two files of one size look alike
    (store / "a.dcm").rename(store / "x")
    (store / "b.dcm").rename(store / "a.dcm")
    (store / "x").rename(store / "b.dcm")


@pytest.mark.parametrize(
    ("spoil", "difference"),
    [
        (lambda store: (store / "b.dcm").unlink(), "store: 1 file gone"),
        (longer, "store: 1 file of another size or modification time"),
        (touched, "store: 1 file of another size or modification time"),
        (exchanged, "store: 2 files of another size or modification time"),
    ],
)
def test_a_change_in_the_store_is_named(staged: Job, spoil: Callable[[Path], None], difference: str) -> None:
    spoil(staged.source.store[0] / "1.2.100")
    assert changed(staged) == [difference]


def test_another_backup_under_the_same_name_is_no_change_of_what_was_staged(staged: Job) -> None:
    staged.source.snapshot.path.write_bytes(b"the backup of another night")
    assert source_check(staged).changed == ()


def test_the_marker_of_staging_is_not_part_of_the_source(staged: Job) -> None:
    change(staged, "CREATE TABLE bitewing_staging (note TEXT)")
    assert changed(staged) == []


def test_the_order_of_rows_does_not_matter(tmp_path: Path, staged: Job) -> None:
    before = fingerprint_of(staged)
    (tmp_path / "staging.db").unlink()
    fill_sqlite(tmp_path / "staging.db", {name: list(reversed(rows)) for name, rows in ROWS.items()})
    assert fingerprint_of(staged) == before


def test_the_same_row_twice_counts_twice(tmp_path: Path, staged: Job) -> None:
    def with_devices(row: tuple[object, ...]) -> TableFingerprint:
        (tmp_path / "staging.db").unlink()
        fill_sqlite(tmp_path / "staging.db", {**ROWS, "device": [row, row]})
        return fingerprint_of(staged).tables["device"]

    assert with_devices(ROWS["device"][0]) != with_devices(ROWS["device"][1])


def test_a_change_on_postgresql_is_seen_too(staged: Job, new_database: Callable[[], str]) -> None:
    from dataclasses import replace

    from tests.simulators.postgresql import run_sql

    url = fill_postgresql(new_database())
    this = replace(staged, source=replace(staged.source, staging=url))
    fingerprint_of(this).save(this.fingerprint_path)
    assert changed(this) == []
    run_sql(url, "UPDATE media SET rotation = 180 WHERE id = 1000")
    assert changed(this) == ["staging: rows of table media have changed"]


def test_counts_and_sizes_are_kept(staged: Job) -> None:
    fingerprint = Fingerprint.load(staged.fingerprint_path, staged.run_id)
    assert (fingerprint.store.files, fingerprint.store.bytes) == (2, 17)
    assert fingerprint.rows == sum(map(len, ROWS.values()))


def test_without_a_fingerprint_stage_is_what_comes_next(staged: Job) -> None:
    staged.fingerprint_path.unlink()
    with pytest.raises(UsageProblem, match="not staged yet") as problem:
        source_check(staged)
    assert "stage" in problem.value.next_step


def test_a_damaged_fingerprint_is_an_error_and_not_a_pass(staged: Job) -> None:
    staged.fingerprint_path.write_bytes(staged.fingerprint_path.read_bytes()[:-10])
    with pytest.raises(EnvironmentProblem, match="damaged"):
        source_check(staged)


def test_a_fingerprint_of_another_run_is_refused(staged: Job) -> None:
    from dataclasses import replace

    with pytest.raises(UsageProblem, match="another run"):
        source_check(replace(staged, run_id="0" * 32))
