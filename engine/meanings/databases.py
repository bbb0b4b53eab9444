"""What any database's driver means by its error, by codes alone: the text may quote a patient's data."""

from __future__ import annotations

import sqlite3
from typing import Final

from engine.meanings import postgresql, sqlite
from engine.meanings.meaning import Meaning
from engine.sqlserver import errors as sqlserver

_UNCODED: Final = "OperationalError"  # the class of what is nobody's data, in every driver


def meaning_of(error: BaseException) -> Meaning | None:
    """What a driver's error means; None where nothing is known of it."""
    match _package(error):
        case "pyodbc":
            return sqlserver.meaning_of(error)
        case "sqlite3":
            return sqlite.meaning_of(_code(error))
    return postgresql.meaning_of(_code(error)) or _unanswered(error)


def label_of(error: BaseException) -> str:
    """The codes of an error, to be looked up or told to whoever runs the database; empty where it has none."""
    return sqlserver.label_of(error) if _package(error) == "pyodbc" else _code(error)


def of_own_file(error: Exception) -> Meaning:
    """What keeps a SQLite file of ours from being used. An error that is not SQLite's speaks of what is in the file."""
    if not isinstance(error, sqlite3.Error):
        return sqlite.DAMAGED
    return meaning_of(error) or sqlite.UNKNOWN


def told(what: str, error: BaseException) -> str:
    """`what`, with the error's codes behind it."""
    return f"{what} ({label})" if (label := label_of(error)) else what


def _unanswered(error: BaseException) -> Meaning | None:
    return postgresql.NO_ANSWER if not _code(error) and type(error).__name__ == _UNCODED else None


def _package(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def _code(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None) or "")
