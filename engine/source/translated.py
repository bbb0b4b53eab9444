"""The one place where a database driver's errors become ours. Their text may hold patient data and is left out."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from engine.meanings import meaning
from engine.meanings.databases import label_of, meaning_of, told
from engine.meanings.meaning import Meaning, Remedy
from protocol.errors import EnvironmentProblem

_SQL_SERVERS: Final = "pyodbc"  # the package whose errors may come without SQLAlchemy
_UNKNOWN: Final = Meaning(Remedy.REPAIR, "the database refused a statement", meaning.DATA)
_POSTGRESQL_RIGHT: Final = "42501"
_GRANT: Final = "GRANT pg_read_all_data TO the staging user, or use the user that owns staging"


@contextlib.contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise EnvironmentProblem, naming `place`, for whatever the database or its driver raises."""
    try:
        yield
    except DBAPIError as problem:
        raise _problem(problem.orig or problem, problem.connection_invalidated, place) from problem
    except (ImportError, NoSuchModuleError) as problem:
        advice = "install the extra for it, for example bitewing[mssql]"
        raise EnvironmentProblem("the driver for this database is missing", where=place, next_step=advice) from problem
    except SQLAlchemyError as problem:
        raise EnvironmentProblem(
            "the database did not answer as it should",
            where=place,
            next_step="check that the server runs and the address is right, then run the same command again",
        ) from problem
    except sqlite3.Error as problem:
        raise _problem(problem, False, place) from problem
    except Exception as problem:
        if type(problem).__module__ != _SQL_SERVERS:  # the driver's own errors, where no SQLAlchemy stands between
            raise
        raise _problem(problem, False, place) from problem


def _problem(error: BaseException, invalidated: bool, place: str) -> EnvironmentProblem:
    found = meaning_of(error) or (meaning.LOST if invalidated else _UNKNOWN)
    if label_of(error) == _POSTGRESQL_RIGHT:
        found = replace(found, next_step=_GRANT)
    return EnvironmentProblem(told(found.what, error), where=place, next_step=found.next_step)
