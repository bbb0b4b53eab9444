"""Whether the source still is what it was when it was staged."""

from __future__ import annotations

from engine.job import Job
from engine.phases import judged
from engine.profiles.schema import SourceProfile
from engine.source import fingerprint
from protocol.statements import CheckResult
from protocol.vocabulary import Check


def source_unchanged(job: Job, profile: SourceProfile) -> CheckResult:
    """Takes the source's fingerprint again and counts in what it differs from the one taken at staging: in nothing."""
    staged = fingerprint.load(job.fingerprint_path)
    return judged(Check.SOURCE_UNCHANGED, 0, len(fingerprint.differences(staged, fingerprint.take(job, profile))))
