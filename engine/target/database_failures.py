"""What a database says when it refuses, as a Failure. Apart from the other failures: workers need no database."""

from __future__ import annotations

from typing import Final

import sqlalchemy.exc

from engine.meanings.databases import meaning_of, told
from engine.target import failures
from engine.target.failures import KIND_OF, Failure, Kind

_UNKNOWN: Final = "the database refused"
_CHECK: Final = "see the server's log, check that it runs and that its address in job.toml is right"


def explained(error: Exception, where: str = "target database") -> Failure:
    """Any error of an attempt as a Failure, the database's too; `where` names it.

    The driver's message may quote a patient's data; only what its codes mean is told.
    """
    if not isinstance(error, sqlalchemy.exc.SQLAlchemyError):
        return failures.explained(error, where)
    original = getattr(error, "orig", None) or error
    if (meaning := meaning_of(original)) is not None:
        return Failure(KIND_OF[meaning.remedy], told(meaning.what, original), where=where, next_step=meaning.next_step)
    return Failure(_kind_of(error), told(_UNKNOWN, original), where=where, next_step=_CHECK)


def _kind_of(error: sqlalchemy.exc.SQLAlchemyError) -> Kind:
    """Of an error without a known code: whether the database itself was lost."""
    lost = isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError)
    if lost or (isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated):
        return Kind.ENVIRONMENT
    return Kind.PERMANENT
