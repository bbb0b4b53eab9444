"""Why an attempt at a patient failed, and whether trying again can help."""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import sqlalchemy.exc

from engine.imaging.problem import ImageProblem
from engine.sqlserver.errors import label_of, meaning_of
from engine.sqlserver.meanings import Remedy
from engine.target.notice import Notice
from protocol.vocabulary import FindingCode


class Kind(StrEnum):
    """What to do about a failure."""

    TRANSIENT = "transient"  # try again; if it keeps failing, set the patient aside
    ENVIRONMENT = "environment"  # try again; if it keeps failing, no other patient will fare better: stop the run
    PERMANENT = "permanent"  # trying again gives the same: set the patient aside


class Failure(Exception):
    """One attempt failed. `detail` is a sentence without patient data; `notice` is a finding that explains it."""

    def __init__(self, kind: Kind, detail: str, notice: Notice | None = None) -> None:
        self.kind, self.detail, self.notice = kind, detail, notice
        super().__init__(detail)

    def __reduce__(self) -> tuple[type[Failure], tuple[Kind, str, Notice | None]]:
        return type(self), (self.kind, self.detail, self.notice)


_ENVIRONMENT_ERRNOS: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENODEV, errno.ENOTSUP, errno.EXDEV}
)
# Sharing and lock violations: another program, often an antivirus scanner, looks at the file for a moment.
_BUSY_WINERRORS: Final = frozenset({5, 32, 33})
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
    """Any error of an attempt as a Failure."""
    match error:
        case Failure():
            return error
        case ImageProblem():
            return Failure(Kind.PERMANENT, error.detail, Notice(error.code, detail=error.detail))
        case FileExistsError():
            return Failure(Kind.PERMANENT, "a planned path is taken", Notice(FindingCode.PATH_TAKEN))
        case OSError():
            return Failure(_kind_of_os_error(error), f"{type(error).__name__}: {error.strerror}")
        case sqlalchemy.exc.SQLAlchemyError():
            return _database_failure(error, getattr(error, "orig", None) or error)
    return Failure(Kind.PERMANENT, f"unexpected {type(error).__name__}")


def _kind_of_os_error(error: OSError) -> Kind:
    if sys.platform == "win32" and error.winerror in _BUSY_WINERRORS:
        return Kind.TRANSIENT
    return Kind.ENVIRONMENT if error.errno in _ENVIRONMENT_ERRNOS else Kind.TRANSIENT


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
