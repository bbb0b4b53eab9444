"""Restores the practice's own backup into staging: a database that is ours, and never production."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from engine.job import Job
from engine.profiles.schema import SourceProfile
from engine.settings import SnapshotKind
from engine.source.snapshot.staging import refuse_production
from engine.source.urls import dialect_of, place_of
from protocol.errors import UsageProblem

# Which dialect a kind of backup can be restored into; the provider is loaded only when it is needed.
PROVIDERS: Final[Mapping[SnapshotKind, str]] = {
    SnapshotKind.SQLITE_FILE: "sqlite",
    SnapshotKind.POSTGRESQL_DUMP: "postgresql",
    SnapshotKind.MSSQL_BACKUP: "mssql",
}


Provider = Callable[[Job, Callable[[int], None]], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Restored:
    """`tables`: how many of the tables that the profile relies on are in staging now."""

    tables: int


def restore(job: Job, profile: SourceProfile, progress: Callable[[int], None] = lambda size: None) -> Restored:
    """Restore the backup into staging, in place of an earlier restoration of ours.

    `progress` is told how many bytes of the backup were restored since it was told last.

    Raises UsageProblem if staging is production, holds something that is not ours, or does not fit the backup's kind;
    EnvironmentProblem if the backup cannot be read or the database refuses it. May be repeated after any failure.
    """
    snapshot, staging = job.source.snapshot, job.source.staging
    dialect = PROVIDERS[snapshot.kind]
    if dialect_of(staging) != dialect:
        advice = f"give source.staging as a {dialect} URL, or correct source.snapshot.kind"
        what = f"a {snapshot.kind} cannot be restored into {dialect_of(staging)}"
        raise UsageProblem(what, where=place_of(staging), next_step=advice)
    refuse_production(job)
    provider: Provider = import_module(f"engine.source.snapshot.{dialect}").restore
    tables = {name.lower() for name in provider(job, progress)}
    return Restored(sum(name.lower() in tables for name in profile.database.relies_on))
