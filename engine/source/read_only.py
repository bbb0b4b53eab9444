"""Proves that a connection cannot write, by trying. Only an answer that means "you may not write" counts as refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

# First lift what the session itself forbids, as careless or hostile code might; then the role or file mode must refuse.
_LIFT: Final[Mapping[str, str]] = {"sqlite": "PRAGMA query_only = OFF", "postgresql": "SET TRANSACTION READ WRITE"}
# SQLSTATE 25006: read-only transaction, 42501: no such right. SQL Server 3906: read-only database, 229 and 262: denied.
_REFUSED_STATES: Final = ("25006", "42501")
_REFUSED_SERVER_ERRORS: Final = ("(3906)", "(229)", "(262)")


def write_attempts(dialect: str, table: str) -> tuple[tuple[str, ...], ...]:
    """Each attempt is a row of statements, the last of which must be refused. `table` is quoted and exists."""
    delete, drop = f"DELETE FROM {table}", f"DROP TABLE {table}"  # noqa: S608 - the name is quoted
    writes = ("CREATE TABLE bitewing_probe (id INTEGER)", delete, drop)
    plain = tuple((write,) for write in writes)
    return plain + tuple((_LIFT[dialect], write) for write in writes if dialect in _LIFT)


def is_refused(connection: Any, attempt: tuple[str, ...]) -> bool:
    """Whether the database refused the last statement; what it lets through is rolled back. A driver's connection."""
    cursor = connection.cursor()
    try:
        *lift, write = attempt
        for statement in lift:
            cursor.execute(statement)
        if isinstance(connection, sqlite3.Connection):
            cursor.execute("BEGIN")
        cursor.execute(write)
    except Exception as problem:
        return _means_no_write(problem)
    finally:
        connection.rollback()
        cursor.close()
    return False


def _means_no_write(problem: Exception) -> bool:
    if isinstance(problem, sqlite3.Error):
        return problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY
    if getattr(problem, "sqlstate", None) in _REFUSED_STATES:
        return True
    return any(number in str(problem) for number in _REFUSED_SERVER_ERRORS)
