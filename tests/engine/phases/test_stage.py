"""Staging: its evidence says what was restored and proven, and the practice's own files are never written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.events import Event
from engine.job import Job
from engine.phases import PhaseResult, stage
from engine.running.control import Control
from engine.running.reporter import Reporter
from engine.settings import SnapshotKind
from engine.source.check import source_check
from protocol.errors import EnvironmentProblem, Interrupted
from protocol.vocabulary import Check, FindingCode, Gate, Phase, Verdict
from tests.engine.source.practice import ROWS, TABLES, fill_postgresql, fill_sqlite, job
from tests.simulators.postgresql import dump

COLUMNS = 40  # columns the bundled profile relies on


class Free(Control):
    """Nobody pauses or stops the run."""

    def checkpoint(self) -> None:
        return None


def run(this: Job, control: Control | None = None) -> tuple[PhaseResult, list[Event]]:
    events: list[Event] = []
    with Reporter(Phase.STAGE, events.append, this.findings_path, lambda: 0.0) as reporter:
        result = stage.run(this, reporter, control or Free())
    result.publish()
    return result, events


@pytest.fixture(params=["sqlite", "postgresql"])
def practice(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Job]:
    """Makes a practice with a store and a backup of `rows`, in each of the two systems."""
    (tmp_path / "store" / "1.2.100").mkdir(parents=True)
    (tmp_path / "store" / "1.2.100" / "a.dcm").write_bytes(b"pixels")

    def make(rows: Any = ROWS) -> Job:
        backup = tmp_path / "backup"
        if request.param == "sqlite":
            fill_sqlite(backup, rows)
            return job(tmp_path, SnapshotKind.SQLITE_FILE, backup, f"sqlite:///{tmp_path}/job/staging.db")
        new_database = request.getfixturevalue("new_database")
        dump(fill_postgresql(new_database(), rows), backup, "custom")
        return job(tmp_path, SnapshotKind.POSTGRESQL_DUMP, backup, new_database())

    return make


def test_a_good_backup_opens_the_gate(practice: Callable[..., Job]) -> None:
    result, _ = run(practice())
    assert result.gate is Gate.STAGED
    assert {check.check: (check.verdict, check.expected, check.actual) for check in result.checks} == {
        Check.SNAPSHOT_RESTORED: (Verdict.PASS, len(TABLES), len(TABLES)),
        Check.STAGING_ISOLATED: (Verdict.PASS, 1, 1),
        Check.SOURCE_READ_ONLY: (Verdict.PASS, 6, 6),
        Check.SOURCE_SCHEMA: (Verdict.PASS, COLUMNS + 1, COLUMNS + 1),
    }


def test_totals_count_everything_there_is(practice: Callable[..., Job]) -> None:
    totals = run(practice())[0].totals
    assert (totals.patients, totals.images, totals.annotations) == (6, 13, 1)
    assert (totals.studies, totals.series) == (5, 5)  # those of deleted patients are not asked for
    assert (totals.files, totals.bytes, totals.rows) == (1, 6, sum(map(len, ROWS.values())))
    assert totals.findings == ()


def test_after_staging_the_source_is_unchanged(practice: Callable[..., Job]) -> None:
    this = practice()
    run(this)
    assert source_check(this).is_as_staged


def test_staging_twice_gives_the_same_evidence(practice: Callable[..., Job]) -> None:
    this = practice()
    first, again = run(this)[0], run(this)[0]
    assert (first.renewed, again.renewed) == (True, False)
    assert replace(first, renewed=False) == again
    assert source_check(this).is_as_staged


def test_store_and_backup_are_read_and_never_written(practice: Callable[..., Job]) -> None:
    this = practice()
    files = [this.source.snapshot.path, this.source.store[0] / "1.2.100" / "a.dcm"]

    def state() -> list[tuple[int, int, str]]:
        hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
        return [
            (path.stat().st_mtime_ns, path.stat().st_ino, digest) for path, digest in zip(files, hashes, strict=True)
        ]

    before = state()
    for path in files:
        os.utime(path, ns=(1_000_000_000, path.stat().st_mtime_ns))
    run(this)
    in_the_store = files[1]
    assert in_the_store.stat().st_atime_ns == 1_000_000_000
    assert state() == before


def test_an_unsupported_version_closes_the_gate_and_is_named(practice: Callable[..., Job]) -> None:
    result, _ = run(practice({**ROWS, "core_info": [("version", "12.0.1")]}))
    [schema] = [check for check in result.checks if check.check is Check.SOURCE_SCHEMA]
    assert (schema.verdict, schema.expected, schema.actual) == (Verdict.FAIL, COLUMNS + 1, COLUMNS)
    assert [(count.code, count.count) for count in result.totals.findings] == [(FindingCode.VERSION_UNSUPPORTED, 1)]


@pytest.mark.parametrize("version", ["11.10", "11", "", None])
def test_a_version_is_compared_part_by_part(practice: Callable[..., Job], version: str | None) -> None:
    result, _ = run(practice({**ROWS, "core_info": [("version", version)]}))
    assert [check.verdict for check in result.checks if check.check is Check.SOURCE_SCHEMA] == [Verdict.FAIL]


def test_a_backup_of_another_system_closes_the_gate_and_says_what_is_missing(tmp_path: Path) -> None:
    import sqlite3

    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.dcm").write_bytes(b"pixels")
    connection = sqlite3.connect(tmp_path / "backup")
    connection.executescript("CREATE TABLE patient (id INTEGER, family_names TEXT); CREATE TABLE medium (id INTEGER)")
    connection.close()
    this = job(tmp_path, SnapshotKind.SQLITE_FILE, tmp_path / "backup", f"sqlite:///{tmp_path}/job/staging.db")
    result, _ = run(this)
    by_check = {check.check: check for check in result.checks}
    assert (by_check[Check.SNAPSHOT_RESTORED].verdict, by_check[Check.SNAPSHOT_RESTORED].actual) == (Verdict.FAIL, 1)
    assert (by_check[Check.SOURCE_SCHEMA].verdict, by_check[Check.SOURCE_SCHEMA].actual) == (Verdict.FAIL, 1)
    findings = this.findings_path.read_text()
    assert "column patient.family_name is missing (did you mean family_names?)" in findings
    assert "table media is missing" in findings


def test_a_missing_store_or_an_empty_one_stops_before_anything_is_restored(practice: Callable[..., Job]) -> None:
    this = practice()
    (this.source.store[0] / "1.2.100" / "a.dcm").unlink()
    with pytest.raises(EnvironmentProblem, match="holds no file"):
        run(this)
    (this.source.store[0] / "1.2.100").rmdir()
    this.source.store[0].rmdir()
    with pytest.raises(EnvironmentProblem, match="cannot be listed"):
        run(this)
    assert not (this.folder / "job").exists()


def test_stopped_between_two_steps_no_old_fingerprint_remains(practice: Callable[..., Job]) -> None:
    this = practice()
    run(this)

    class Stopped(Control):
        def checkpoint(self) -> None:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        run(this, Stopped())
    assert not this.fingerprint_path.exists()
    run(this)
    assert source_check(this).is_as_staged
