"""A PostgreSQL dump in each format becomes staging whole, on a real server; what is not ours is never replaced."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.job import Job
from engine.profiles.load import load_source
from engine.settings import SnapshotKind
from engine.source.database import SourceDatabase
from engine.source.fingerprint import take
from engine.source.snapshot import Restored, pg_restore, postgresql, restore
from protocol.errors import EnvironmentProblem, UsageProblem
from tests.engine.source.practice import ROWS, TABLES, fill_postgresql, job
from tests.simulators.postgresql import dump, libpq, run_sql, with_database, with_password, with_user

PROFILE = load_source("dexis11")
KINDS = ("custom", "directory", "plain")
NewDatabase = Callable[[], str]


@pytest.fixture
def practice(new_database: NewDatabase) -> str:
    return fill_postgresql(new_database())


def a_job(tmp_path: Path, backup: Path, staging: str, **more: Any) -> Job:
    (tmp_path / "store").mkdir(exist_ok=True)
    return job(tmp_path, SnapshotKind.POSTGRESQL_DUMP, backup, staging, **more)


def backed_up(tmp_path: Path, practice: str, kind: str = "custom") -> Path:
    dump(practice, tmp_path / f"core.{kind}", kind)
    return tmp_path / f"core.{kind}"


def count(url: str, table: str) -> int:
    with psycopg.connect(libpq(url)) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_dump_becomes_staging_with_every_row(
    tmp_path: Path, practice: str, new_database: NewDatabase, kind: str
) -> None:
    staging = new_database()
    this = a_job(tmp_path, backed_up(tmp_path, practice, kind), staging)
    assert restore(this, PROFILE) == Restored(len(TABLES))
    with SourceDatabase.open(practice, PROFILE) as one, SourceDatabase.open(staging, PROFILE) as other:
        assert take(this, one).tables == take(this, other).tables


@pytest.mark.parametrize("kind", KINDS)
def test_staging_again_replaces_what_was_staged(
    tmp_path: Path, practice: str, new_database: NewDatabase, kind: str
) -> None:
    this = a_job(tmp_path, backed_up(tmp_path, practice, kind), new_database())
    restore(this, PROFILE)
    run_sql(this.source.staging, "DELETE FROM media", "CREATE SCHEMA left_over", "CREATE TABLE left_over.x (id INT)")
    restore(this, PROFILE)
    assert count(this.source.staging, "media") == len(ROWS["media"])
    assert count(this.source.staging, "pg_namespace WHERE nspname = 'left_over'") == 0


def test_owners_and_rights_of_the_practice_server_are_left_behind(
    tmp_path: Path, practice: str, new_database: NewDatabase, postgresql_url: str
) -> None:
    run_sql(postgresql_url, "CREATE ROLE practice_owner")
    run_sql(practice, "ALTER TABLE patient OWNER TO practice_owner", "GRANT SELECT ON media TO practice_owner")
    backups = [backed_up(tmp_path, practice, kind) for kind in KINDS]
    run_sql(practice, "DROP OWNED BY practice_owner")
    run_sql(postgresql_url, "DROP ROLE practice_owner")
    for backup in backups:
        staging = new_database()
        restore(a_job(tmp_path, backup, staging), PROFILE)
        assert count(staging, "patient") == len(ROWS["patient"])


def test_a_text_that_looks_like_a_command_stays_a_text(
    tmp_path: Path, practice: str, new_database: NewDatabase
) -> None:
    text = "it's\nGRANT ALL ON media TO x;\n\\! touch /tmp/owned\n\\.\nCOPY media FROM stdin;\n\\connect postgres\n"
    run_sql(practice, f"UPDATE study SET description = $${text}$$")
    staging = new_database()
    restore(a_job(tmp_path, backed_up(tmp_path, practice, "plain"), staging), PROFILE)
    assert count(staging, f"study WHERE description = $${text}$$") == len(ROWS["study"])


def test_a_literal_of_several_lines_is_not_read_as_statements(
    tmp_path: Path, practice: str, new_database: NewDatabase
) -> None:
    text = "it''s\nGRANT ALL ON media TO x;\n\\restrict abc\nCOPY media FROM stdin;\n"
    run_sql(practice, f"COMMENT ON TABLE study IS '{text}'", 'CREATE TABLE "o\'brien" (id INTEGER)')
    staging = new_database()
    restore(a_job(tmp_path, backed_up(tmp_path, practice, "plain"), staging), PROFILE)
    assert count(staging, f"pg_description WHERE description = '{text}'") == 1
    assert count(staging, "media") == len(ROWS["media"])


@pytest.mark.attack
@pytest.mark.parametrize("command", ["\\! touch {flag}", "\\connect postgres", "\\o {flag}", "SELECT 1 \\g {flag}"])
def test_a_backslash_command_in_a_plain_dump_never_runs(
    tmp_path: Path, practice: str, new_database: NewDatabase, command: str
) -> None:
    backup, flag = backed_up(tmp_path, practice, "plain"), tmp_path / "owned"
    backup.write_text(command.format(flag=flag) + "\n" + backup.read_text())
    staging = new_database()
    with pytest.raises(EnvironmentProblem, match="refused a statement of the backup"):
        restore(a_job(tmp_path, backup, staging), PROFILE)
    assert not flag.exists()
    assert count(staging, "pg_tables WHERE schemaname = 'public'") == 1  # our marker alone


def test_a_database_without_our_marker_is_never_emptied(
    tmp_path: Path, practice: str, new_database: NewDatabase
) -> None:
    backup = backed_up(tmp_path, practice)
    with pytest.raises(UsageProblem, match="did not make"):
        restore(a_job(tmp_path, backup, practice), PROFILE)
    assert count(practice, "media") == len(ROWS["media"])


@pytest.mark.parametrize(
    "made", ["CREATE VIEW v AS SELECT 1", "CREATE SEQUENCE s", "CREATE SCHEMA a CREATE TABLE a.t ()"]
)
def test_anything_at_all_in_a_database_makes_it_not_ours(
    tmp_path: Path, practice: str, new_database: NewDatabase, made: str
) -> None:
    staging = new_database()
    run_sql(staging, made)
    with pytest.raises(UsageProblem, match="did not make"):
        restore(a_job(tmp_path, backed_up(tmp_path, practice), staging), PROFILE)


def test_production_is_refused_by_its_address(tmp_path: Path, practice: str) -> None:
    backup = backed_up(tmp_path, practice)
    other_spelling = with_user(practice, "someone_else")
    with pytest.raises(UsageProblem, match=r"same database as source\.production"):
        restore(a_job(tmp_path, backup, practice, production=other_spelling), PROFILE)


def cut(backup: Path) -> None:
    target = backup / "toc.dat" if backup.is_dir() else backup
    content = target.read_bytes()
    target.write_bytes(content[: len(content) * 2 // 3])


def foreign(backup: Path) -> None:
    backup.write_bytes(b"SQLite format 3\0" + bytes(4096))


@pytest.mark.parametrize(
    ("kind", "spoil", "why"),
    [
        ("custom", cut, "truncated|damaged"),
        ("plain", cut, "truncated"),
        ("directory", cut, "truncated|damaged|not a PostgreSQL backup"),
        ("custom", foreign, "not a PostgreSQL backup"),
        ("custom", lambda backup: backup.unlink(), "not there"),
        ("custom", lambda backup: backup.write_bytes(b""), "empty"),
        ("directory", lambda backup: (backup / "toc.dat").unlink(), "toc.dat is missing"),
    ],
)
def test_a_bad_backup_is_said_and_staging_holds_nothing_of_it(
    tmp_path: Path, practice: str, new_database: NewDatabase, kind: str, spoil: Any, why: str
) -> None:
    backup, staging = backed_up(tmp_path, practice, kind), new_database()
    spoil(backup)
    with pytest.raises(EnvironmentProblem, match=why):
        restore(a_job(tmp_path, backup, staging), PROFILE)
    assert count(staging, "pg_tables WHERE schemaname = 'public' AND tablename <> 'bitewing_staging'") == 0


def test_after_a_bad_backup_a_good_one_is_staged(tmp_path: Path, practice: str, new_database: NewDatabase) -> None:
    backup, staging = backed_up(tmp_path, practice), new_database()
    good = backup.read_bytes()
    cut(backup)
    with pytest.raises(EnvironmentProblem):
        restore(a_job(tmp_path, backup, staging), PROFILE)
    backup.write_bytes(good)
    assert restore(a_job(tmp_path, backup, staging), PROFILE) == Restored(len(TABLES))


def test_a_staging_that_does_not_exist_is_said_without_the_password(
    tmp_path: Path, practice: str, postgresql_url: str
) -> None:
    staging = with_password(with_database(postgresql_url, "nowhere"), "swordfish")
    with pytest.raises(EnvironmentProblem, match="cannot be reached") as problem:
        restore(a_job(tmp_path, backed_up(tmp_path, practice), staging), PROFILE)
    assert "swordfish" not in str(problem.value)


def test_the_password_is_not_on_the_command_line(
    tmp_path: Path, practice: str, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    real_run = postgresql.subprocess.run

    def spy(command: list[str], **options: Any) -> Any:
        seen.append((command, options.get("env")))
        return real_run(command, **options)

    monkeypatch.setattr(postgresql.subprocess, "run", spy)
    staging = with_password(new_database(), "swordfish")
    restore(a_job(tmp_path, backed_up(tmp_path, practice), staging), PROFILE)
    [(command, environment)] = [entry for entry in seen if "--single-transaction" in entry[0]]
    assert "swordfish" not in " ".join(command)
    assert environment["PGPASSWORD"] == "swordfish"


def test_without_pg_restore_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg_restore, "which", lambda name, path=None: None)
    with pytest.raises(EnvironmentProblem, match="install PostgreSQL's client programs"):
        pg_restore.find_pg_restore()


@pytest.mark.parametrize(("says", "is_taken"), [("99.1", True), ("9.6.24", False), ("nothing", False)])
def test_the_newest_pg_restore_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, is_taken: bool
) -> None:
    program = tmp_path / "pg_restore"
    program.write_text(f"#!/bin/sh\necho 'pg_restore (PostgreSQL) {says}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert (pg_restore.find_pg_restore() == program) is is_taken
