"""Phase convert: every planned change, all or nothing, until the target holds what the plan says. Gate CONVERTED."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain

from engine.events import Doing, Finding
from engine.job import Job
from engine.journal import Journal, State
from engine.numbers import Numbers
from engine.phases import PhaseResult, judged
from engine.phases.at_work import as_it_stood, incoming, preparers, store_problems_explained, target_at_work
from engine.phases.replaced_target import refuse_replaced_target
from engine.phases.source_state import refuse_late_arrivals, require_fingerprint, source_checks
from engine.phases.totals import totals
from engine.plan.digests import blinded
from engine.plan.reader import Plan
from engine.plan.values import Change
from engine.profiles.load import load_source, load_target
from engine.profiles.schema import TargetProfile
from engine.running.control import Control
from engine.running.night import Night, NightClock, hours_of
from engine.running.reporter import Reporter
from engine.running.workers import worker_count
from engine.source.store import SourceStore
from engine.target.conversion import Conversion
from engine.target.database import TargetDatabase
from engine.target.failures import Failure
from engine.target.notice import Notice
from engine.target.patient import PatientUnit
from engine.target.unknown import take_up
from protocol.errors import EnvironmentProblem, Refused
from protocol.statements import CheckResult, Totals
from protocol.vocabulary import Check, Gate, Phase, Refusal

Sleep = Callable[[float], None]


def run(
    job: Job, reporter: Reporter, control: Control, *, sleep: Sleep = time.sleep, clock: NightClock = NightClock()
) -> PhaseResult:
    """Converts what is not converted yet, until the practice opens.

    Raises Refused, Interrupted, NightOver, EnvironmentProblem; the same call resumes.
    """
    require_fingerprint(job)
    SourceStore(job.source.store)  # a store that is away ends the run here, and not each worker of it
    source_profile, target_profile = load_source(job.source.profile), load_target(job.target.profile)
    with closing(Plan(job.plan_path)) as plan:
        plan.require(job.run_id, source_profile.digest, target_profile.digest)
        with closing(Journal(job.journal_path, job.run_id, plan.digest, plan.header.previous)) as journal:
            _say_where_it_stands(plan, journal, reporter)
            if not journal.has_begun():
                reporter.doing(Doing.ARRIVALS)
                refuse_late_arrivals(job)
            reporter.doing(Doing.STANDING)
            told = _Told(reporter, control, _night(job, plan, journal, clock))
            _convert(job, plan, journal, target_profile, told, sleep)
            checks = (*_checks(plan, journal), *source_checks(job, reporter))
            totals = _totals(plan, journal, reporter)
            return PhaseResult(Gate.CONVERTED, checks, totals, plan=blinded(plan.digest, job.digest_key))


@dataclass(frozen=True, slots=True)
class _Told:
    """Passes on what the conversion tells."""

    reporter: Reporter
    control: Control
    night: Night

    def checkpoint(self, change: Change) -> None:
        self.night.checkpoint(self.control, change.bytes)

    def carried(self, change: Change) -> None:
        self.night.finished(change.bytes)
        self.reporter.advance(patients=1, images=change.images, bytes=change.bytes)

    def noticed(self, change: Change, notice: Notice) -> None:
        finding = Finding(Phase.CONVERT, notice.code, change.key, notice.image, notice.place, notice.detail)
        self.reporter.finding(finding)


def _night(job: Job, plan: Plan, journal: Journal, clock: NightClock) -> Night:
    hours, total, done = hours_of(job.run, clock.zone), len(plan.changes()), len(_made(plan, journal))
    return Night(hours, clock, workers=worker_count(job.run.workers), done=done, total=total)


def _made(plan: Plan, journal: Journal) -> Numbers:
    """The changes of this plan that are done."""
    done = Numbers(journal.numbers(State.DONE))
    return Numbers(number for number in plan.changes() if number in done)


def _convert(job: Job, plan: Plan, journal: Journal, profile: TargetProfile, told: _Told, sleep: Sleep) -> None:
    with target_at_work(job, profile) as (store, database):
        take_up(plan, journal, profile, database)
        _refuse_moved_baseline(plan, journal, database)
        refuse_replaced_target(plan, journal, profile, database, store)
        if len(_made(plan, journal)) < len(plan.changes()):
            with incoming(store, journal) as folder, preparers(job, profile, told.control) as workers:
                stood = as_it_stood(plan, journal, profile, database)
                unit = PatientUnit(profile, database, store, journal, folder, stood, told.noticed)
                _run_whole(Conversion(plan, journal, unit, workers, told, job.run.retries, sleep))
        _advance_counters(database)
        with store_problems_explained(store):
            store.close_incoming()


def _advance_counters(database: TargetDatabase) -> None:
    """DEXIS 10 goes on where the planned keys end."""
    try:
        database.advance_counters()
    except Failure as failure:
        raise EnvironmentProblem(
            f"the counters of new keys could not be set past ours: {failure.detail}",
            where="target database",
            next_step="let the login set the sequences of the target's tables, then run convert again",
        ) from failure


def _run_whole(conversion: Conversion) -> None:
    """Runs. Left by an error or by Ctrl-C, nothing stays half done, as far as the environment allows it."""
    try:
        conversion.run()
    except BaseException:
        with suppress(Failure, EnvironmentProblem):
            conversion.settle_open()
        raise


def _refuse_moved_baseline(plan: Plan, journal: Journal, database: TargetDatabase) -> None:
    """Before the first change the target must be as it was when keys were planned. Raises Refused."""
    if not journal.has_begun() and database.baseline() != dict(plan.header.baseline):
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            "the target database was written since the dry run: the planned keys may be in use",
            where="target database",
            next_step="run dry-run again; if journal.sqlite was lost, restore it",
        )


def _say_where_it_stands(plan: Plan, journal: Journal, reporter: Reporter) -> None:
    """A top-up's progress is that of the work it has to do, not of what it leaves as it is."""
    made = _made(plan, journal)
    done = plan.totals_of(made)
    reporter.total(len(plan.changes()), plan.work.images)
    reporter.advance(patients=len(made), images=done.images, bytes=done.bytes)


def _checks(plan: Plan, journal: Journal) -> Iterator[CheckResult]:
    done = plan.totals_of(Numbers(journal.numbers(State.DONE)))
    waiting = Numbers(chain(journal.numbers(State.SET_ASIDE), journal.numbers(State.INTENT)))
    yield judged(Check.PATIENTS_CONVERTED, plan.totals.patients, done.patients)
    yield judged(Check.IMAGES_CONVERTED, plan.totals.images, done.images)
    yield judged(Check.DIGESTS_AS_PLANNED, plan.totals.images, journal.files_done(Numbers(plan.numbers())))
    yield judged(Check.NOTHING_SET_ASIDE, 0, sum(number in waiting for number in plan.changes()))


def _totals(plan: Plan, journal: Journal, reporter: Reporter) -> Totals:
    return totals(plan.totals_of(Numbers(journal.numbers(State.DONE))), plan.header.annotations, reporter.counts)
