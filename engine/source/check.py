"""Whether the source is still what it was when it was staged."""

from __future__ import annotations

from engine.job import Job
from engine.profiles.load import load_source
from engine.source.database import SourceDatabase
from engine.source.fingerprint import Fingerprint, differences, take


def source_check(job: Job) -> list[str]:
    """A sentence for each difference from the fingerprint taken by stage; empty if there is none.

    Raises UsageProblem if nothing was staged in this run, EnvironmentProblem if the source cannot be read.
    """
    before = Fingerprint.load(job.fingerprint_path, job.run_id)
    with SourceDatabase.open(job.source.staging, load_source(job.source.profile)) as database:
        return differences(before, take(job, database))
