"""Why an attempt at a patient failed, and whether trying again can help."""

from __future__ import annotations

import errno
import sys
from enum import StrEnum
from typing import Final

from engine.imaging.problem import ImageProblem
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


def explained(error: Exception) -> Failure:
    """Any error of an attempt at files as a Failure; `database_failures` knows the database's."""
    match error:
        case Failure():
            return error
        case ImageProblem():
            return Failure(Kind.PERMANENT, error.detail, Notice(error.code, detail=error.detail))
        case FileExistsError():
            return Failure(Kind.PERMANENT, "a planned path is taken", Notice(FindingCode.PATH_TAKEN))
        case OSError():
            return Failure(_kind_of_os_error(error), f"{type(error).__name__}: {error.strerror}")
    return Failure(Kind.PERMANENT, f"unexpected {type(error).__name__}")


def _kind_of_os_error(error: OSError) -> Kind:
    if sys.platform == "win32" and error.winerror in _BUSY_WINERRORS:
        return Kind.TRANSIENT
    return Kind.ENVIRONMENT if error.errno in _ENVIRONMENT_ERRNOS else Kind.TRANSIENT
