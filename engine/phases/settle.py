"""Settle: what a conversion left open, or the journal lost, is brought in order by what stands in the target.

No gate stands before it, as it converts nobody: an attempt whose rows are not in the target is undone, one whose rows
are all there is completed. It is the way on for a job whose gates are closed, or whose journal is not the newest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from engine.events import Finding
from engine.job import Job
from engine.journal import Journal, State
from engine.phases.at_work import as_it_stood, incoming, preparers, target_at_work
from engine.plan.reader import Plan
from engine.plan.values import Change
from engine.profiles.load import load_source, load_target
from engine.running.control import Uncontrolled
from engine.running.reporter import Reporter
from engine.target.conversion import Conversion
from engine.target.failures import Failure
from engine.target.notice import Notice
from engine.target.patient import PatientUnit
from engine.target.unknown import take_up, take_up_files
from protocol.vocabulary import Phase


@dataclass(frozen=True, slots=True)
class Settlement:
    """Patients: how many stood open, how many of them are converted now, and how many were undone whole."""

    open: int
    converted: int

    @property
    def undone(self) -> int:
        return self.open - self.converted


def run(job: Job, reporter: Reporter) -> Settlement:
    """Settles everything. Raises Refused, EnvironmentProblem; the same call goes on."""
    source, target = load_source(job.source.profile), load_target(job.target.profile)
    with closing(Plan(job.plan_path)) as plan:
        plan.require(job.run_id, source.digest, target.digest)
        plan.require_untouched()
        with (
            closing(Journal(job.journal_path, job.run_id, plan.digest, plan.header.previous)) as journal,
            target_at_work(job, target) as (store, database),
        ):
            take_up(plan, journal, target, database)
            with _explained():
                take_up_files(plan, journal, store)
            left = journal.numbers(State.INTENT)
            with incoming(store, journal) as folder, preparers(job, target, Uncontrolled()) as workers:
                told, stood = _Told(reporter), as_it_stood(plan, journal, target, database)
                unit = PatientUnit(target, database, store, journal, folder, stood, told.noticed)
                with _explained():
                    Conversion(plan, journal, unit, workers, told, 0, lambda seconds: None).settle_open()
            return Settlement(len(left), sum(journal.state(number) is State.DONE for number in left))


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise failure.ends("run settle again") from failure


@dataclass(frozen=True, slots=True)
class _Told:
    """Passes on what a person should look at."""

    reporter: Reporter

    def checkpoint(self, change: Change) -> None:
        return None

    def carried(self, change: Change) -> None:
        return None

    def noticed(self, change: Change, notice: Notice) -> None:
        where = (change.key, notice.image, notice.place)
        self.reporter.finding(Finding(Phase.CONVERT, notice.code, *where, notice.detail))
