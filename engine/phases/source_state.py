"""Whether the source still is what it was when it was staged, and all there is, as checks of a phase."""

from __future__ import annotations

from engine.events import Doing, Finding
from engine.job import Job
from engine.phases import judged
from engine.profiles.load import load_source
from engine.running.reporter import Reporter
from engine.source.check import Arrival, OnKnown, late_arrivals, source_check
from engine.source.fingerprint import Fingerprint
from engine.source.production import newer_rows
from protocol.errors import Refused
from protocol.statements import CheckResult
from protocol.vocabulary import Check, FindingCode, Refusal


def require_fingerprint(job: Job) -> None:
    """Returns if there is something to compare the source with at the end of a long phase. Raises as its load does."""
    Fingerprint.load(job.fingerprint_path, job.run_id)


def require_production(job: Job) -> None:
    """Returns if production, where job.toml names it, answers what the end of a long phase will ask it.

    Raises UsageProblem, EnvironmentProblem.
    """
    for _ in newer_rows(job, load_source(job.source.profile)):
        continue  # every question is asked: another database may answer the first


def source_checks(job: Job, reporter: Reporter, on_known: OnKnown | None = None) -> tuple[CheckResult, CheckResult]:
    """Compares the source with what was staged: nothing may have changed, and nothing may have come since.

    What came is reported, each as a LATE_ARRIVAL. `on_known` hears of every file that was there at staging.
    """

    def late(arrival: Arrival) -> None:
        found = Finding(reporter.phase, FindingCode.LATE_ARRIVAL, place=arrival.place, detail=arrival.detail)
        reporter.finding(found)

    reporter.doing(Doing.SOURCE)
    state = source_check(job, late, on_known)
    return (
        judged(Check.SOURCE_UNCHANGED, 0, len(state.changed)),
        judged(Check.NOTHING_NEWER, 0, state.arrivals),
    )


def refuse_late_arrivals(job: Job) -> None:
    """Before the first patient is written: a night that could not pass its gate is not begun. Raises Refused."""
    if arrived := late_arrivals(job):
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            f"DEXIS 11 holds what the snapshot does not: {'; '.join(arrived)}; nothing was written",
            where="source",
            next_step="stage a newer backup, then prove and dry-run again",
        )
