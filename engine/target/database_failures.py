"""What a database says when it refuses, as a Failure. Apart from the other failures: workers need no database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import sqlalchemy.exc

from engine.sqlserver.errors import label_of, meaning_of
from engine.sqlserver.meanings import Remedy
from engine.target import failures
from engine.target.failures import Failure, Kind

_KIND_OF_REMEDY: Final[Mapping[Remedy, Kind]] = {
    Remedy.AGAIN: Kind.TRANSIENT,
    Remedy.REPAIR: Kind.ENVIRONMENT,
    Remedy.NEVER: Kind.PERMANENT,
}
# PostgreSQL by SQLSTATE, the longest beginning that fits: serialization failure, deadlock; lock and statement
# time-outs, connection, disk, memory, shut down, damage, rights, read-only.
_SQLSTATES: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("40001", "40P01"), Kind.TRANSIENT),
    **dict.fromkeys(("08", "28", "3D", "53", "55P03", "57", "58", "XX", "25006", "42501"), Kind.ENVIRONMENT),
}
# SQLite by the beginning of its error's name; a constraint or a datatype mismatch is nobody's environment.
_SQLITE_LASTING: Final = ("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG", "SQLITE_RANGE")


def explained(error: Exception) -> Failure:
    """Any error of an attempt as a Failure, the database's too."""
    if isinstance(error, sqlalchemy.exc.SQLAlchemyError):
        return _database_failure(error, getattr(error, "orig", None) or error)
    return failures.explained(error)


def _database_failure(error: sqlalchemy.exc.SQLAlchemyError, original: BaseException) -> Failure:
    """The driver's message may quote a patient's data; only its class and its codes are told."""
    if type(original).__module__ == "pyodbc" and (meaning := meaning_of(original)):
        detail = f"the target database refused: {meaning.what} ({label_of(original)})"
        return Failure(_KIND_OF_REMEDY[meaning.remedy], detail)
    return Failure(_kind_by_code(error, original), f"the target database refused ({_name(original)})")


def _kind_by_code(error: sqlalchemy.exc.SQLAlchemyError, original: BaseException) -> Kind:
    state = str(getattr(original, "sqlstate", None) or "")
    for length in (5, 2):
        if (kind := _SQLSTATES.get(state[:length])) is not None:
            return kind
    if str(getattr(original, "sqlite_errorname", "")).startswith(_SQLITE_LASTING):
        return Kind.PERMANENT
    lost = isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError)
    if lost or (isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated):
        return Kind.ENVIRONMENT
    return Kind.PERMANENT


def _name(original: BaseException) -> str:
    state = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    return f"{type(original).__name__}{f' {state}' if state else ''}"
