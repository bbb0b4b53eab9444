"""Whether DEXIS 11's live database holds something that the snapshot does not. It is only ever asked, never written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from engine.job import Job
from engine.profiles.schema import Query, SourceProfile
from engine.source.connect import read_only_engine
from engine.source.database import SourceDatabase
from engine.source.translated import translated
from engine.source.urls import dialect_of, place_of
from protocol.errors import UsageProblem

# SQL Server has no read-only session: there the login itself must be unable to write.
MAY_WRITE: Final = (
    "SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'INSERT') + HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UPDATE')"
    " + HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'DELETE') AS rights"
)


def newer_rows(job: Job, profile: SourceProfile) -> Iterator[str]:
    """A sentence for each of the audit's questions that production answers otherwise than staging; none if job.toml
    names no production. Raises UsageProblem if the login could write, EnvironmentProblem if it cannot be asked."""
    production = job.source.production
    if production is None:
        return
    require_reader(production)
    with (
        SourceDatabase.open(production, profile) as live,
        SourceDatabase.open(job.source.staging, profile) as snapshot,
    ):
        yield from _differences(live, snapshot, profile)


def require_reader(url: str, ask: Callable[[str, str], Any] | None = None) -> None:
    """Returns if the login cannot write where no session can be made to forbid it. `ask` gives the first value of a
    statement on the database at a URL. Raises UsageProblem, EnvironmentProblem."""
    if dialect_of(url) == "mssql" and (ask or _asked)(url, MAY_WRITE) != 0:
        raise UsageProblem(
            "the login for source.production could write",
            where=place_of(url),
            next_step="use a login whose only role there is db_datareader; nothing was read or written",
        )


def _asked(url: str, statement: str) -> Any:
    with translated(place_of(url)):
        engine = read_only_engine(url)
        try:
            with engine.connect() as connection:
                return connection.exec_driver_sql(statement).scalar()
        finally:
            engine.dispose()


def _differences(live: SourceDatabase, snapshot: SourceDatabase, profile: SourceProfile) -> Iterator[str]:
    audit, counts_differ = profile.audit, False
    for what, query in (("patients", audit.patients), ("images", audit.images), ("annotations", audit.annotations)):
        more = int(live.scalar(query)) - int(snapshot.scalar(query))
        if more:
            counts_differ = True
            yield f"production: {abs(more)} {what} {'more' if more > 0 else 'fewer'} than in the snapshot"
    if not counts_differ and _newest(live, audit.newest) != _newest(snapshot, audit.newest):
        yield "production: its newest image is another than the snapshot's"


def _newest(database: SourceDatabase, query: Query) -> Any:
    """A moment as a moment, whether the database says it as one or as text."""
    value = database.scalar(query)
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
