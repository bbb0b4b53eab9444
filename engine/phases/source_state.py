"""Whether the source still is what it was when it was staged, as a check of a phase."""

from __future__ import annotations

from engine.job import Job
from engine.phases import judged
from engine.source.check import source_check
from protocol.statements import CheckResult
from protocol.vocabulary import Check


def source_unchanged(job: Job) -> CheckResult:
    """Compares the source with its fingerprint and counts in what it differs: in nothing."""
    return judged(Check.SOURCE_UNCHANGED, 0, len(source_check(job)))
