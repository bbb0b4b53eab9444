"""What databases and their drivers mean: real errors of SQLite, codes of PostgreSQL; never a text or a class."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from engine.meanings import meaning, postgresql, sqlite
from engine.meanings.databases import label_of, meaning_of, of_own_file, told
from engine.meanings.meaning import Remedy

SECRET = "Ødegård"


def refused(database: sqlite3.Connection, statement: str) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as caught:
        database.executescript(statement)
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT NOT NULL UNIQUE, x BLOB)")
    return path


def test_a_full_sqlite_says_that_its_disk_is_full(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA max_page_count = 4")
        error = refused(database, "INSERT INTO t VALUES (1, 'a', zeroblob(100000))")
    found = of_own_file(error)
    assert found.remedy is Remedy.REPAIR and told(found.what, error) == "the disk is full (SQLITE_FULL)"
    assert "make room" in found.next_step


def test_a_locked_read_only_or_damaged_file_each_has_its_own_words(file: Path) -> None:
    with closing(sqlite3.connect(file)) as one, closing(sqlite3.connect(file, timeout=0)) as other:
        one.execute("BEGIN IMMEDIATE")
        assert "locked" in of_own_file(refused(other, "BEGIN IMMEDIATE")).what
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as reading:
        assert "cannot be written" in of_own_file(refused(reading, "DELETE FROM t")).what
    file.write_bytes(b"no database at all" * 100)
    with closing(sqlite3.connect(file)) as damaged:
        assert of_own_file(refused(damaged, "SELECT * FROM t")) is sqlite.DAMAGED
    assert of_own_file(ValueError("not a state")) is sqlite.DAMAGED


def test_a_row_that_is_refused_is_nobodys_disk_and_quotes_nothing(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute(f"INSERT INTO t VALUES (1, '{SECRET}', NULL)")
        twice = refused(database, f"INSERT INTO t VALUES (2, '{SECRET}', NULL)")
        empty = refused(database, "INSERT INTO t VALUES (3, NULL, NULL)")
    assert meaning_of(twice) is meaning.DUPLICATE and meaning_of(empty) is meaning.FORBIDDEN
    assert told("refused", empty) == "refused (SQLITE_CONSTRAINT_NOTNULL)"


CODES = [
    ("53100", Remedy.REPAIR, "disk is full"),
    ("53200", Remedy.REPAIR, "memory"),
    ("57P01", Remedy.REPAIR, "stopping"),
    ("57014", Remedy.REPAIR, "in time"),
    ("08006", Remedy.REPAIR, "lost"),
    ("28P01", Remedy.REPAIR, "login"),
    ("3D000", Remedy.REPAIR, "no database"),
    ("25006", Remedy.REPAIR, "read-only"),
    ("42501", Remedy.REPAIR, "right"),
    ("55P03", Remedy.REPAIR, "lock"),
    ("40P01", Remedy.AGAIN, "deadlock"),
    ("40001", Remedy.AGAIN, "same rows"),
    ("23505", Remedy.NEVER, "already there"),
    ("22001", Remedy.NEVER, "longer"),
    ("42P01", Remedy.NEVER, "schema"),
]


@pytest.mark.parametrize(("code", "remedy", "word"), CODES)
def test_a_sqlstate_has_words(code: str, remedy: Remedy, word: str) -> None:
    error = psycopg.errors.lookup(code)(f"Key (name)=({SECRET}) already exists")
    found = meaning_of(error)
    assert found is not None and found.remedy is remedy and word in found.what and found.next_step
    assert told(found.what, error) == f"{found.what} ({code})"


def test_a_server_that_never_answered_has_no_code() -> None:
    lost = psycopg.OperationalError("connection to server failed")
    assert meaning_of(lost) is postgresql.NO_ANSWER and label_of(lost) == ""
    assert told("it failed", lost) == "it failed"


def test_of_other_errors_nothing_is_made_up() -> None:
    assert meaning_of(ValueError(SECRET)) is None
