"""A SQL Server backup: restored by the server into a database of ours, with every file moved, and then set read-only.

What is asked and what is done stands in `mssql_statements`; here it is asked and done.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL

from engine.job import Job
from engine.source.snapshot import mssql_statements as statements
from engine.source.snapshot.backup import unreadable
from engine.source.snapshot.mssql_statements import BackupFile, BackupSet
from engine.source.snapshot.staging import MARKER, not_ours
from engine.source.translated import translated
from engine.source.urls import parse_url, place_of
from engine.sqlserver.connection import engine_for
from protocol.errors import EnvironmentProblem, UsageProblem

_SYSTEM: Final = ("master", "model", "msdb", "tempdb")
_PROGRESS: Final = "(3211)"  # the message "n percent processed", in the server's language
_PERCENT: Final = re.compile(r"(?:\A|\])(\d{1,3})\b")
_FULL: Final = 1  # BackupType of a whole database

Row = Mapping[str, Any]


def restore(job: Job, progress: Callable[[int], None]) -> frozenset[str]:
    """Restore the backup; the names of the tables restored. The path is one that the *server* can read.

    `progress` is told the bytes of the backup that were restored since it was told last.
    """
    url, place = parse_url(job.source.staging), place_of(job.source.staging)
    name, backup = _staging_name(url, place), job.source.snapshot.path
    with translated(place), _server(url) as cursor:
        replaced = _is_ours(cursor, name, place)
        server = _rows(cursor, statements.server())[0]
        chosen = _chosen(_rows(cursor, statements.header(str(backup))), backup)
        _refuse_itself(chosen, server, name, place)
        _refuse_newer(chosen, server, backup)
        files = [BackupFile.of(row) for row in _rows(cursor, statements.file_list(str(backup), chosen.position))]
        for statement in statements.removal(name) if replaced else ():
            _rows(cursor, statement)
        restoring = statements.restoring(name, str(backup), chosen, files, server["data"], server["log"])
        _run(cursor, restoring, _told(chosen.size, progress))
        for statement in statements.finishing(name):
            _rows(cursor, statement)
        return frozenset(str(row["name"]) for row in _rows(cursor, statements.tables(name))) - {MARKER}


def _staging_name(url: URL, place: str) -> str:
    name = url.database
    if not name or name.lower() in _SYSTEM:
        advice = "name a database of its own in source.staging; restore creates it"
        raise UsageProblem("the staging URL names no database of its own", where=place, next_step=advice)
    return name


@contextlib.contextmanager
def _server(url: URL) -> Iterator[Any]:
    """A cursor on master, outside a transaction, as RESTORE demands, and without a time-out: a restore takes hours."""
    engine = engine_for(url.set(database="master"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with contextlib.closing(engine.raw_connection()) as connection:
        raw: Any = connection.driver_connection
        raw.autocommit, raw.timeout = True, 0
        yield raw.cursor()


def _is_ours(cursor: Any, name: str, place: str) -> bool:
    """Whether a database of this name is there. Raises UsageProblem if it is not of our making.

    Ours carries the marker, or, where a restore was cut short before that, consists of files that only we name so.
    """
    found = _rows(cursor, statements.existing(name))[0]
    if found["id"] is None:
        return False
    if found["marker"] is None:
        files = [str(row["file_name"]) for row in _rows(cursor, statements.files_of(name))]
        if not files or not all(statements.is_our_file(file) for file in files):
            raise not_ours(place)
    return True


def _chosen(header: Sequence[Row], backup: Path) -> BackupSet:
    """The newest backup of a whole database in the file. Raises EnvironmentProblem if there is none that is whole."""
    whole = [BackupSet.of(row) for row in header if row["backuptype"] == _FULL]
    if not whole:
        raise unreadable(backup, "it holds no backup of a whole database, only of parts, differences or logs")
    newest = max(whole, key=lambda each: each.position)
    if newest.is_damaged:
        raise unreadable(backup, "SQL Server found errors in the database when it made the backup")
    return newest


def _refuse_itself(chosen: BackupSet, server: Row, name: str, place: str) -> None:
    """The database that the backup was taken of is production, whatever job.toml calls it."""
    same = (chosen.database.lower(), chosen.server.lower()) == (name.lower(), str(server["server"]).lower())
    if same:
        raise UsageProblem(
            "staging is the very database that the backup is of",
            where=place,
            next_step="name a database of its own as source.staging; nothing was changed in this one",
        )


def _refuse_newer(chosen: BackupSet, server: Row, backup: Path) -> None:
    theirs, ours = chosen.major_version, int(server["major"])
    if theirs > ours:
        raise EnvironmentProblem(
            f"the backup is of SQL Server version {theirs}, staging's server is version {ours}",
            where=str(backup),
            next_step="name a server of that version or newer as source.staging",
        )


def _told(size: int, progress: Callable[[int], None]) -> Callable[[int], None]:
    """Turns a percentage, told again and again, into bytes since the last time."""
    done = 0

    def tell(percent: int) -> None:
        nonlocal done
        now = size * min(percent, 100) // 100
        progress(max(now - done, 0))
        done = max(now, done)

    return tell


def _rows(cursor: Any, statement: str) -> list[Row]:
    """Every row of the statement's first result, by column in lower case; later results are waited for."""
    cursor.execute(statement)
    names = [str(column[0]).lower() for column in cursor.description or ()]
    rows: list[Row] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []
    while cursor.nextset():
        pass
    return rows


def _run(cursor: Any, statement: str, percent_told: Callable[[int], None]) -> None:
    """Runs to the very end: the server says how far it is in messages, and goes on only while they are taken."""
    cursor.execute(statement)
    while True:
        for code, text in cursor.messages or ():
            if _PROGRESS in code and (match := _PERCENT.search(text)):
                percent_told(int(match[1]))
        if not cursor.nextset():
            break
