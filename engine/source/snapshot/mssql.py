"""A SQL Server backup: restored by the server into a database of ours, with every file moved, and then set read-only.

The statements are plain functions of names, so that they can be checked without a server.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL

from engine.job import Job
from engine.source.snapshot.staging import MARKER, MARKER_TEXT, not_ours
from engine.source.translated import translated
from engine.source.urls import parse_url, place_of
from protocol.errors import UsageProblem

_SYSTEM: Final = ("master", "model", "msdb", "tempdb")


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file inside a backup, as RESTORE FILELISTONLY lists it; `type` is D for data and L for log."""

    logical_name: str
    type: str


def restore(job: Job) -> frozenset[str]:
    """Restore the backup; the names of the tables restored. The path is one that the *server* can read."""
    url, place = parse_url(job.source.staging), place_of(job.source.staging)
    name, backup = _staging_name(url, place), str(job.source.snapshot.path)
    with translated(place), _server(url) as cursor:
        exists = _one(cursor, exists_statement(name)) is not None
        if exists and _one(cursor, marker_statement(name)) is None:
            raise not_ours(place)
        files = [BackupFile(row[0], row[2]) for row in _all(cursor, file_list_statement(backup))]
        data, log = _one(cursor, folders_statement())
        for statement in restore_statements(name, backup, files, data, log, replace=exists):
            _all(cursor, statement)
        return frozenset(row[0] for row in _all(cursor, tables_statement(name))) - {MARKER}


def _staging_name(url: URL, place: str) -> str:
    name = url.database
    if not name or name.lower() in _SYSTEM:
        advice = "name a database of its own in source.staging; restore creates it"
        raise UsageProblem("the staging URL names no database of its own", where=place, next_step=advice)
    return name


@contextlib.contextmanager
def _server(url: URL) -> Iterator[Any]:
    """A cursor on master, outside a transaction, as RESTORE demands."""
    engine = sa.create_engine(url.set(database="master"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with contextlib.closing(engine.raw_connection()) as connection:
        connection.driver_connection.autocommit = True  # type: ignore[union-attr]
        yield connection.cursor()


def _all(cursor: Any, statement: str) -> Sequence[Any]:
    """Every row of the statement's first result; later results are waited for, as RESTORE goes on until they end."""
    cursor.execute(statement)
    rows = cursor.fetchall() if cursor.description else []
    while cursor.nextset():
        pass
    return list(rows)


def _one(cursor: Any, statement: str) -> Any:
    rows = _all(cursor, statement)
    return rows[0] if rows and rows[0][0] is not None else None


def exists_statement(name: str) -> str:
    return f"SELECT DB_ID({_text(name)})"


def marker_statement(name: str) -> str:
    return f"SELECT OBJECT_ID({_text(f'{_name(name)}.[dbo].[{MARKER}]')})"


def folders_statement() -> str:
    """Where the server keeps data and log files of new databases."""
    paths = ("InstanceDefaultDataPath", "InstanceDefaultLogPath")
    return "SELECT " + ", ".join(f"CAST(SERVERPROPERTY('{path}') AS NVARCHAR(260))" for path in paths)


def file_list_statement(backup: str) -> str:
    return f"RESTORE FILELISTONLY FROM DISK = {_text(backup)}"


def tables_statement(name: str) -> str:
    return f"SELECT [name] FROM {_name(name)}.[sys].[tables]"  # noqa: S608 - the name is quoted


def restore_statements(
    name: str, backup: str, files: Sequence[BackupFile], data: str, log: str, *, replace: bool
) -> tuple[str, ...]:
    """What restores `backup` as database `name`: in place of ours, marked, and read-only at the end."""
    closed = (
        f"ALTER DATABASE {_name(name)} SET READ_WRITE WITH ROLLBACK IMMEDIATE",
        f"ALTER DATABASE {_name(name)} SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
    )
    moves = [_move(name, index, file, log if file.type == "L" else data) for index, file in enumerate(files)]
    options = ", ".join((*moves, "RECOVERY", *(("REPLACE",) if replace else ())))
    marker = f"{_name(name)}.[dbo].[{MARKER}]"
    return (
        *(closed if replace else ()),
        f"RESTORE DATABASE {_name(name)} FROM DISK = {_text(backup)} WITH {options}",
        f"ALTER DATABASE {_name(name)} SET MULTI_USER",
        f"CREATE TABLE {marker} ([note] NVARCHAR(200) NOT NULL)",
        f"INSERT INTO {marker} ([note]) VALUES ({_text(MARKER_TEXT)})",  # noqa: S608 - a constant
        f"ALTER DATABASE {_name(name)} SET READ_ONLY WITH ROLLBACK IMMEDIATE",
    )


def _move(name: str, index: int, file: BackupFile, folder: str) -> str:
    """Each file goes where staging's own files are, whatever place the backup remembers."""
    suffix = {"L": ".ldf"}.get(file.type, ".mdf" if index == 0 else ".ndf")
    path = PureWindowsPath(folder) / f"{name}_{index}{suffix}"
    return f"MOVE {_text(file.logical_name)} TO {_text(str(path))}"


def _name(name: str) -> str:
    return f"[{name.replace(']', ']]')}]"


def _text(value: str) -> str:
    return "N'" + value.replace("'", "''") + "'"
