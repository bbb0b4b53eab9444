"""A plain-text PostgreSQL dump, given to the server without psql: no backslash command of the file can ever run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import psycopg

from engine.meanings.databases import told
from engine.source.snapshot.backup import open_backup, unreadable
from protocol.errors import EnvironmentProblem

_COPY: Final = re.compile(rb"\ACOPY .+ FROM stdin;\r?\n\Z")
_COPY_END: Final = (b"\\.\n", b"\\.\r\n", b"\\.")
# Newer pg_dump frames its output so; to the server these lines mean nothing.
_FRAME: Final = re.compile(rb"\A\\(un)?restrict [A-Za-z0-9]+\r?\n\Z")
# Owners and rights are the practice server's own; staging belongs to whoever restores it.
_RIGHTS: Final = re.compile(rb"\A(ALTER [A-Z ]+ .+ OWNER TO .+|GRANT .+|REVOKE .+|ALTER DEFAULT PRIVILEGES .+);\r?\n\Z")
_END: Final = b"PostgreSQL database dump complete"
_DATA_AT_ONCE: Final = 2**20


def restore_plain(connection: psycopg.Connection[tuple[Any, ...]], backup: Path) -> None:
    """Run the dump in one transaction on `connection`. Raises EnvironmentProblem; then staging holds nothing of it."""
    with open_backup(backup) as file:
        _refuse_unfinished(file, backup)
        try:
            with connection.transaction():
                _run(connection, file)
        except psycopg.Error as problem:
            raise _complaint(problem, backup) from problem


def _refuse_unfinished(file: BufferedReader, backup: Path) -> None:
    """pg_dump signs off in its last lines; a file that does not was cut short."""
    file.seek(0, 2)
    file.seek(max(0, file.tell() - 4096))
    if _END not in file.read():
        raise unreadable(backup, "it is truncated")
    file.seek(0)


def _run(connection: psycopg.Connection[tuple[Any, ...]], file: BufferedReader) -> None:
    statements: list[bytes] = []
    quoted = False  # whether the line begins inside a text literal, where nothing is a statement
    for line in file:
        if not quoted and _COPY.match(line):
            _execute(connection, statements)
            _copy(connection, line, file)
        elif quoted or not (_FRAME.match(line) or _RIGHTS.match(line)):
            statements.append(line)
            quoted = _is_open(line, quoted)
    _execute(connection, statements)


def _is_open(line: bytes, quoted: bool) -> bool:
    """Whether a text literal is still open at the line's end; a doubled quote opens and closes again."""
    is_comment = not quoted and line.startswith(b"--")
    return quoted if is_comment else quoted != bool(line.count(b"'") % 2)


def _execute(connection: psycopg.Connection[tuple[Any, ...]], statements: list[bytes]) -> None:
    """The server itself splits several statements sent as one text; without parameters psycopg sends them so."""
    connection.execute(b"".join(statements))
    statements.clear()


def _copy(connection: psycopg.Connection[tuple[Any, ...]], command: bytes, file: BufferedReader) -> None:
    with connection.cursor() as cursor, cursor.copy(command.rstrip().rstrip(b";")) as copy:
        for block in _data(file):
            copy.write(block)


def _data(file: BufferedReader) -> Iterator[bytes]:
    """The lines of a COPY up to its end mark, in blocks."""
    block, size = [], 0
    for line in file:
        if line in _COPY_END:
            break
        block.append(line)
        size += len(line)
        if size >= _DATA_AT_ONCE:
            yield b"".join(block)
            block, size = [], 0
    yield b"".join(block)


def _complaint(problem: psycopg.Error, backup: Path) -> EnvironmentProblem:
    advice = "take the backup in custom format (pg_dump -Fc), or restore it by hand to see what the server says"
    what = told("the server refused a statement of the backup", problem)
    return EnvironmentProblem(what, where=str(backup), next_step=advice)
