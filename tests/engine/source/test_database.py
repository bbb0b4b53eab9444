"""The source database cannot be written, whatever the session is told, and answers only what the guard let through."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from engine.profiles.load import load_source
from engine.profiles.sql import SqlError
from engine.source.connect import read_only_engine
from engine.source.database import SourceDatabase
from engine.source.read_only import is_refused, write_attempts
from protocol.errors import EnvironmentProblem, UsageProblem
from tests.engine.source.practice import ROWS, fill, fill_postgresql, fill_sqlite
from tests.simulators.postgresql import libpq, run_sql, with_database, with_password, with_user

PROFILE = load_source("dexis11")


@pytest.fixture
def url(empty_database: str) -> str:
    return fill(empty_database)


@pytest.mark.attack
def test_every_attempt_to_write_is_refused_by_session_and_by_role(url: str) -> None:
    with SourceDatabase.open(url, PROFILE) as database:
        attempts = 3 if database.dialect == "mssql" else 6  # a session of SQL Server has nothing to be lifted
        assert database.prove_read_only("patient") == (attempts, attempts)


def test_each_of_the_two_locks_is_set_by_itself(tmp_path: Path, new_database: Callable[[], str]) -> None:
    def asked(url: str, question: str) -> object:
        with read_only_engine(url).connect() as connection:
            return connection.exec_driver_sql(question).scalar()

    sqlite, postgresql = fill_sqlite(tmp_path / "core.db"), new_database()
    assert asked(sqlite, "PRAGMA query_only") == 1
    assert asked(postgresql, "SHOW transaction_read_only") == "on"
    assert asked(postgresql, "SHOW transaction_isolation") == "repeatable read"
    assert asked(postgresql, "SELECT current_user") == "pg_read_all_data"


@pytest.mark.attack
def test_the_proof_itself_changes_nothing(url: str) -> None:
    with SourceDatabase.open(url, PROFILE) as database:
        database.prove_read_only("patient")
        assert database.scalar("SELECT COUNT(*) FROM patient") == len(ROWS["patient"])
        assert "bitewing_probe" not in database.tables()


def test_a_connection_that_may_write_is_seen_as_such(new_database: Callable[[], str]) -> None:
    url = fill_postgresql(new_database())
    with psycopg.connect(libpq(url)) as connection:
        assert [is_refused(connection, attempt) for attempt in write_attempts("postgresql", "patient")] == [False] * 6
    with psycopg.connect(libpq(url)) as connection:
        assert connection.execute("SELECT count(*) FROM patient").fetchone() == (len(ROWS["patient"]),)


def test_what_a_file_that_may_be_written_lets_through_is_rolled_back(tmp_path: Path) -> None:
    fill_sqlite(tmp_path / "core.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "core.db")) as connection:
        before = list(connection.iterdump())
        assert [is_refused(connection, attempt) for attempt in write_attempts("sqlite", "patient")] == [False] * 6
        assert list(connection.iterdump()) == before


def test_an_error_of_another_kind_does_not_count_as_refused(url: str) -> None:
    with SourceDatabase.open(url, PROFILE) as database:
        attempts, refused = database.prove_read_only("no_such_table")
        assert refused < attempts


def test_a_session_that_lifts_its_own_lock_still_meets_the_role(new_database: Callable[[], str]) -> None:
    lifted = [attempt for attempt in write_attempts("postgresql", "patient") if len(attempt) == 2]
    url = fill_postgresql(new_database())
    with psycopg.connect(libpq(url)) as connection:
        connection.execute("SET default_transaction_read_only = on")
        connection.commit()
        assert not any(is_refused(connection, attempt) for attempt in lifted)
    with SourceDatabase.open(url, PROFILE) as database:
        assert database.prove_read_only("patient")[1] == 6


@pytest.mark.attack
@pytest.mark.parametrize("sql", ["DELETE FROM patient", "SELECT 1; DROP TABLE patient", "PRAGMA query_only = OFF"])
def test_the_guard_stands_before_the_database(url: str, sql: str) -> None:
    with SourceDatabase.open(url, PROFILE) as database:
        with pytest.raises(SqlError):
            list(database.rows(sql))
        with pytest.raises(SqlError):
            database.scalar(sql)


def test_several_streams_run_side_by_side(url: str) -> None:
    with SourceDatabase.open(url, PROFILE) as database:
        first = database.rows("SELECT m.id AS key FROM media AS m ORDER BY m.id")
        second = database.rows("SELECT p.id AS key FROM patient AS p ORDER BY p.id")
        pairs = list(zip(first, second, strict=False))
    assert [(one["key"], other["key"]) for one, other in pairs][:2] == [(999, 9), (1000, 10)]


def test_a_percent_sign_is_only_a_percent_sign(url: str) -> None:
    with SourceDatabase.open(url, PROFILE) as database:
        assert database.scalar("SELECT COUNT(*) FROM media AS m WHERE m.file_name LIKE '%.jpg'") == 1


def test_the_view_of_the_data_does_not_move_while_it_is_read(new_database: Callable[[], str]) -> None:
    url = fill_postgresql(new_database())
    with SourceDatabase.open(url, PROFILE) as database:
        before = database.scalar("SELECT COUNT(*) FROM device")
        run_sql(url, "INSERT INTO device VALUES (99, 'a', 'b', 'c')")
        assert database.scalar("SELECT COUNT(*) FROM device") == before


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_reading_a_database_file_leaves_it_and_its_folder_alone(tmp_path: Path, journal: str) -> None:
    path = tmp_path / "core.db"
    url = fill_sqlite(path)
    with contextlib.closing(sqlite3.connect(path)) as live:
        live.execute(f"PRAGMA journal_mode = {journal}")
    before = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, list(tmp_path.iterdir()))
    with SourceDatabase.open(url, PROFILE) as database:
        database.prove_read_only("patient")
        list(database.rows(PROFILE.entities["image"].query))
    after = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, list(tmp_path.iterdir()))
    assert after == before


def test_a_live_log_beside_a_database_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "core.db"
    url = fill_sqlite(path)
    with contextlib.closing(sqlite3.connect(path)) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("CREATE TABLE t (a INTEGER)")
        before = sorted(tmp_path.iterdir())
        with pytest.raises(UsageProblem, match="write-ahead log"):
            SourceDatabase.open(url, PROFILE)
        assert sorted(tmp_path.iterdir()) == before


def test_a_missing_file_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no such database file"):
        SourceDatabase.open(f"sqlite:///{tmp_path}/none.db", PROFILE)
    assert not list(tmp_path.iterdir())


def test_a_database_that_does_not_exist_is_said_without_the_password(postgresql_url: str) -> None:
    url = with_password(with_database(postgresql_url, "nowhere"), "swordfish")
    with pytest.raises(EnvironmentProblem, match="cannot be reached") as problem:
        SourceDatabase.open(url, PROFILE)
    assert "swordfish" not in str(problem.value)
    assert "nowhere" in str(problem.value)


def test_a_user_without_the_reader_role_is_told_what_to_grant(
    new_database: Callable[[], str], postgresql_url: str
) -> None:
    url = fill_postgresql(new_database())
    run_sql(postgresql_url, "DROP ROLE IF EXISTS plain_user", "CREATE ROLE plain_user LOGIN")
    with pytest.raises(EnvironmentProblem, match="GRANT pg_read_all_data"):
        SourceDatabase.open(with_user(url, "plain_user"), PROFILE)
    run_sql(postgresql_url, "GRANT pg_read_all_data TO plain_user")
    with SourceDatabase.open(with_user(url, "plain_user"), PROFILE) as database:
        assert database.prove_read_only("patient") == (6, 6)
    run_sql(postgresql_url, "DROP ROLE plain_user")


def test_a_dialect_that_the_profile_does_not_speak_is_refused(tmp_path: Path) -> None:
    only = replace(PROFILE, database=replace(PROFILE.database, dialects=("mssql",)))
    with pytest.raises(UsageProblem, match="does not speak sqlite; it speaks mssql"):
        SourceDatabase.open(fill_sqlite(tmp_path / "core.db"), only)


def test_an_error_of_the_database_is_told_without_its_text(url: str) -> None:
    with SourceDatabase.open(url, PROFILE) as database, pytest.raises(EnvironmentProblem) as problem:
        list(database.rows("SELECT p.ssn_of_anna AS key FROM patient AS p"))
    assert "ssn_of_anna" not in str(problem.value)


def test_a_file_that_is_no_database_is_an_environment_problem(tmp_path: Path) -> None:
    (tmp_path / "core.db").write_bytes(b"not a database, but long enough to be read as one" * 40)
    with pytest.raises(EnvironmentProblem), SourceDatabase.open(f"sqlite:///{tmp_path}/core.db", PROFILE) as database:
        database.tables()
