"""Whether the source still is what it was when it was staged, and all there is, as checks of a phase."""

from __future__ import annotations

from engine.job import Job
from engine.phases import judged
from engine.source.check import late_arrivals, source_check
from engine.source.fingerprint import Fingerprint
from protocol.errors import Refused
from protocol.statements import CheckResult
from protocol.vocabulary import Check, Refusal


def require_fingerprint(job: Job) -> None:
    """Returns if there is something to compare the source with at the end of a long phase. Raises as its load does."""
    Fingerprint.load(job.fingerprint_path, job.run_id)


def source_unchanged(job: Job) -> CheckResult:
    """Compares the source with what was staged and counts in what it differs: in nothing."""
    state = source_check(job)
    return judged(Check.SOURCE_UNCHANGED, 0, len(state.changed) + len(state.arrived))


def refuse_late_arrivals(job: Job) -> None:
    """Before the first patient is written: a night that could not pass its gate is not begun. Raises Refused."""
    if arrived := late_arrivals(job):
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            f"DEXIS 11 holds what the snapshot does not: {'; '.join(arrived)}; nothing was written",
            where="source",
            next_step="stage a newer backup, then prove and dry-run again",
        )
