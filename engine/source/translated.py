"""The one place where a database driver's errors become ours. Their text may hold patient data and is left out."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from engine.sqlserver.errors import label_of, meaning_of
from protocol.errors import EnvironmentProblem

_UNREACHABLE_CLASSES = ("08", "28", "3D", "57P")  # SQLSTATE: connection, login, no such database, shut down
_SQL_SERVERS = "pyodbc"  # the package whose errors have numbers


@contextlib.contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise EnvironmentProblem, naming `place`, for whatever the database or its driver raises."""
    try:
        yield
    except DBAPIError as problem:
        raise _problem(problem.orig, problem.connection_invalidated, place) from problem
    except (ImportError, NoSuchModuleError) as problem:
        advice = "install the extra for it, for example bitewing[mssql]"
        raise EnvironmentProblem("the driver for this database is missing", where=place, next_step=advice) from problem
    except SQLAlchemyError as problem:
        raise EnvironmentProblem(
            f"the database did not answer ({type(problem).__name__})",
            where=place,
            next_step="check that the server runs and the address is right, then run the same command again",
        ) from problem
    except sqlite3.Error as problem:
        raise _problem(problem, False, place) from problem
    except Exception as problem:
        if type(problem).__module__ != _SQL_SERVERS:  # the driver's own errors, where no SQLAlchemy stands between
            raise
        raise _problem(problem, False, place) from problem


def _problem(error: BaseException | None, invalidated: bool, place: str) -> EnvironmentProblem:
    if type(error).__module__ == _SQL_SERVERS and error is not None and (meaning := meaning_of(error)):
        return EnvironmentProblem(f"{meaning.what} ({label_of(error)})", where=place, next_step=meaning.next_step)
    state = str(getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None) or "")
    kind = f"{type(error).__name__} {state}".strip()
    if (
        invalidated
        or state.startswith(_UNREACHABLE_CLASSES)
        or (not state and type(error).__name__ == "OperationalError")
    ):
        advice = "check that the server runs, the database exists and the login is allowed"
        return EnvironmentProblem(f"the database cannot be reached ({kind})", where=place, next_step=advice)
    if state == "42501":
        advice = "GRANT pg_read_all_data TO the staging user, or use the user that owns staging"
        return EnvironmentProblem(f"the database user lacks a right ({kind})", where=place, next_step=advice)
    advice = "compare the database with the profile: bitewing-engine profile fingerprint"
    return EnvironmentProblem(f"the database refused a statement ({kind})", where=place, next_step=advice)
