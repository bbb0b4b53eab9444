"""Whether the source still is what it was when it was staged, as a check of a phase."""

from __future__ import annotations

from engine.job import Job
from engine.phases import judged
from engine.source.check import source_check
from engine.source.fingerprint import Fingerprint
from protocol.statements import CheckResult
from protocol.vocabulary import Check


def require_fingerprint(job: Job) -> None:
    """Returns if there is something to compare the source with at the end of a long phase. Raises as its load does."""
    Fingerprint.load(job.fingerprint_path, job.run_id)


def source_unchanged(job: Job) -> CheckResult:
    """Compares the source with its fingerprint and counts in what it differs: in nothing."""
    return judged(Check.SOURCE_UNCHANGED, 0, len(source_check(job)))
