"""A SQLite file as backup: copied byte by byte, checked as a whole, then put in place of the last staging at once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from engine.job import Job
from engine.meanings import disks
from engine.source.snapshot.backup import copy_backup, open_backup, unreadable
from engine.source.snapshot.staging import MARKER, MARKER_TEXT, not_ours
from engine.source.translated import translated
from engine.source.urls import sqlite_path
from protocol.errors import EnvironmentProblem

_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100


def restore(job: Job, progress: Callable[[int], None]) -> frozenset[str]:
    """Restore the backup; the names of the tables restored. The backup is read as a file, never as a database."""
    backup, staging = job.source.snapshot.path, sqlite_path(job.source.staging)
    _refuse_foreign(staging)
    _check_header(backup)
    part = staging.with_name(f"{staging.name}.part")
    try:
        staging.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        copy_backup(backup, part, progress)
        tables = _checked_tables(part, backup)
        _mark(part)
        os.replace(part, staging)  # noqa: PTH105 - staging carries our marker or is not there
    except OSError as problem:
        raise _unwritten(problem, staging) from problem
    return tables


def _unwritten(error: OSError, staging: Path) -> EnvironmentProblem:
    """Why the copy could not be made; it needs as much room as the backup, beside what is staged already."""
    meaning = disks.meaning_of(error)
    where = f"staging {staging} (source.staging in job.toml)"
    return EnvironmentProblem(
        f"the copy of the backup cannot be written: {meaning.what}",
        where=where,
        next_step=meaning.next_with("run stage again"),
    )


def _refuse_foreign(staging: Path) -> None:
    """Only a database that carries our marker may be replaced."""
    if not staging.exists() or (staging.is_file() and not staging.stat().st_size):
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{staging.as_uri()}?mode=ro", uri=True)) as connection:
            if MARKER in _tables(connection):
                return
    except sqlite3.Error as problem:
        raise not_ours(str(staging)) from problem
    raise not_ours(str(staging))


def _check_header(backup: Path) -> None:
    """What a whole SQLite file looks like from outside. Raises EnvironmentProblem."""
    with open_backup(backup) as file:
        header = file.read(_HEADER_BYTES)
        size = os.fstat(file.fileno()).st_size
    if not header.startswith(_MAGIC):
        raise unreadable(backup, "it is not a SQLite database")
    page_size, pages = int.from_bytes(header[16:18], "big"), struct.unpack_from(">I", header, 28)[0]
    if len(header) < _HEADER_BYTES or size < (65_536 if page_size == 1 else page_size) * pages:
        raise unreadable(backup, "it is truncated")
    log = backup.with_name(f"{backup.name}-wal")
    if log.exists() and log.stat().st_size:
        raise unreadable(backup, "a write-ahead log lies beside it, so it is half of a live database, not a backup")


def _checked_tables(copy: Path, backup: Path) -> frozenset[str]:
    try:
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                raise unreadable(backup, "its integrity check failed")
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            return _tables(connection)
    except sqlite3.DatabaseError as problem:
        raise unreadable(backup, "it is damaged") from problem


def _tables(connection: sqlite3.Connection) -> frozenset[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    )
    return frozenset(str(name) for (name,) in rows)


def _mark(copy: Path) -> None:
    with translated(str(copy)), contextlib.closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(f"DROP TABLE IF EXISTS {MARKER}")
        connection.execute(f"CREATE TABLE {MARKER} (note TEXT NOT NULL)")
        connection.execute(f"INSERT INTO {MARKER} VALUES (?)", (MARKER_TEXT,))  # noqa: S608 - a constant
