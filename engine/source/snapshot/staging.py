"""What makes a database staging: a marker of ours in it, and that nothing says it is production."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.job import Job
from engine.source.urls import dialect_of, place_of, same_database, sqlite_path
from protocol.errors import UsageProblem

# The table that says: Bitewing made this database out of a backup, and may replace it.
MARKER: Final = "bitewing_staging"
MARKER_TEXT: Final = "restored from a backup by Bitewing; may be replaced"


def refuse_production(job: Job) -> None:
    """Raise UsageProblem if staging is, by its address, a database of the practice and not ours."""
    source, target = job.source, job.target
    others = [("source.production", source.production), ("target.database", target.database)]
    if job.samples is not None:
        others.append(("samples.database", job.samples.database))
    for name, url in others:
        if url is not None and same_database(source.staging, url):
            raise _refusal(source.staging, f"staging is the same database as {name}")
    if dialect_of(source.staging) == "sqlite":
        _refuse_practice_file(job, sqlite_path(source.staging).resolve())


def _refuse_practice_file(job: Job, staging: Path) -> None:
    if staging == job.source.snapshot.path.resolve():
        raise _refusal(job.source.staging, "staging is the backup itself")
    for root in (*job.source.store, job.target.store):
        if staging.is_relative_to(root.resolve()):
            raise _refusal(job.source.staging, "staging lies inside an image store")


def not_ours(place: str) -> UsageProblem:
    """The refusal of a database that holds something and does not carry our marker."""
    advice = "name an empty database of its own for staging; nothing was changed in this one"
    return UsageProblem("staging already holds something that Bitewing did not make", where=place, next_step=advice)


def _refusal(url: str, what: str) -> UsageProblem:
    return UsageProblem(what, where=place_of(url), next_step="name an empty database of its own as source.staging")
