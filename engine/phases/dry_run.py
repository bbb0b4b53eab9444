"""Phase dry-run: the whole conversion against a target that cannot be written. Makes the plan. Gate DRY_RUN."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import msgspec

from engine.control import Control
from engine.events import Finding
from engine.forecast import MIB, Forecast, forecast, measured_write_rate
from engine.job import Job
from engine.journal import has_begun
from engine.phases import PhaseResult, at_least, judged
from engine.phases.enumerated import Expected, expected
from engine.phases.source_state import require_fingerprint, source_unchanged
from engine.phases.survey import Seen, Survey
from engine.phases.totals import of_severity, totals
from engine.plan import PlanHeader, blinded
from engine.plan_writer import PlanWriter
from engine.profiles.load import load_source, load_target
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.reporter import Reporter
from engine.source.database import SourceDatabase
from engine.target import before
from engine.target.database import TargetDatabase
from engine.target.files import TargetStore
from engine.target.notice import Notice
from engine.target.zero_writes import WriteGuard
from protocol.errors import Refused
from protocol.statements import CheckResult
from protocol.vocabulary import Check, FindingCode, Gate, Phase, Refusal, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` gives seconds; `now` the local time with its zone."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now().astimezone()


def run(job: Job, reporter: Reporter, control: Control, *, clock: Clock = Clock()) -> PhaseResult:
    """Surveys every patient and writes plan.sqlite and report/dry-run.json; outside the job's folder it writes nothing.

    Raises Refused once the conversion of an earlier plan has begun, Interrupted, EnvironmentProblem, UsageProblem.
    """
    _refuse_after_begin(job)
    require_fingerprint(job)
    source, target = load_source(job.source.profile), load_target(job.target.profile)
    with (
        WriteGuard(job.folder) as guard,
        SourceDatabase.open(job.source.staging, source) as staging,
        closing(TargetDatabase(job.target.database, target, read_only=True)) as database,
    ):
        return _DryRun(job, reporter, control, clock, source, target, staging, database, guard).result()


def _refuse_after_begin(job: Job) -> None:
    if has_begun(job.journal_path):
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            "the conversion of this run's plan has begun, and its keys are in use",
            where=job.journal_path.name,
            next_step="finish it with convert; a new plan needs a new job",
        )


@dataclass
class _DryRun:
    job: Job
    reporter: Reporter
    control: Control
    clock: Clock
    source: SourceProfile
    target: TargetProfile
    staging: SourceDatabase
    database: TargetDatabase
    guard: WriteGuard

    def result(self) -> PhaseResult:
        store = TargetStore(self.job.target.store, self.job.run_id)
        store.require_present()
        marked = before.mark(self.database, store)
        for notice in before.notices(self.database, self.target, marked):
            self._found(None, notice)
        wanted = expected(self.staging, self.source)
        self.reporter.total(wanted.patients, wanted.images)
        started = self.clock.monotonic()
        seen, writer = self._survey(store, wanted)
        seconds = self.clock.monotonic() - started
        outlook = self._forecast(writer, store, seconds)
        if not self._fits(outlook):
            detail = f"{outlook.disk_needed_mib} MiB needed, {outlook.disk_free_mib} MiB free"
            self._found(None, Notice(FindingCode.DISK_SPACE, detail=detail))
        writer.finish()
        unchanged = before.mark(self.database, store)
        checks = (*self._enumeration(wanted, seen), *self._writes(seen, marked, unchanged), *self._verdicts(outlook))
        self._report(outlook)
        found = totals(writer.totals, wanted.annotations, self.reporter.counts)
        return PhaseResult(Gate.DRY_RUN, checks, found, plan=blinded(writer.digest, self.job.digest_key))

    def _survey(self, store: TargetStore, wanted: Expected) -> tuple[Seen, PlanWriter]:
        header = PlanHeader(
            self.job.run_id, self.source.digest, self.target.digest, self.database.baseline(), wanted.annotations
        )
        writer = PlanWriter(self.job.plan_path, header)
        try:
            survey = Survey(self.job, self.staging, self.source, store, writer, self._found, self._seen_one)
            return survey.run(header.baseline), writer
        except BaseException:
            writer.abandon()
            raise

    def _seen_one(self, images: int, size: int) -> None:
        self.reporter.advance(patients=1, images=images, bytes=size)
        self.control.checkpoint()

    def _found(self, patient: str | None, notice: Notice) -> None:
        self.reporter.finding(Finding(Phase.DRY_RUN, notice.code, patient, notice.image, notice.place, notice.detail))

    def _forecast(self, writer: PlanWriter, store: TargetStore, seconds: float) -> Forecast:
        planned = writer.totals
        return forecast(
            now=self.clock.now(),
            patients=planned.patients,
            images=planned.images,
            size=planned.bytes,
            seconds=seconds,
            write_rate=measured_write_rate(self.job.folder, self.clock.monotonic),
            deadline=self.job.run.deadline,
            free_mib=store.free_bytes() // MIB,
        )

    def _fits(self, outlook: Forecast) -> bool:
        return outlook.disk_free_mib >= outlook.disk_needed_mib

    def _report(self, outlook: Forecast) -> None:
        self.job.report_folder.mkdir(exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(outlook), indent=2)
        (self.job.report_folder / "dry-run.json").write_bytes(text + b"\n")

    def _enumeration(self, wanted: Expected, seen: Seen) -> Iterator[CheckResult]:
        yield judged(Check.PATIENTS_ENUMERATED, wanted.patients, seen.patients)
        yield judged(Check.IMAGES_ENUMERATED, wanted.images, seen.images + seen.images_left_out)
        yield judged(Check.IMAGES_DECODED, seen.images, seen.images - seen.skipped, accepted=seen.skipped_acceptably)
        yield judged(Check.RECORDS_MAPPED, seen.images, seen.images - seen.unmapped)

    def _writes(self, seen: Seen, marked: before.TargetMark, unchanged: before.TargetMark) -> Iterator[CheckResult]:
        yield judged(Check.FILES_WRITTEN, 0, seen.writes_refused + self.guard.refused)
        yield judged(Check.ROWS_WRITTEN, 0, self.database.statements.refused)
        yield source_unchanged(self.job)
        yield judged(Check.TARGET_UNCHANGED, marked.parts, marked.equal_parts(unchanged))

    def _verdicts(self, outlook: Forecast) -> Iterator[CheckResult]:
        blockers = of_severity(self.reporter.counts, Severity.BLOCKER)
        to_accept = of_severity(self.reporter.counts, Severity.ACCEPT)
        verdict = Verdict.FAIL if blockers else Verdict.ACCEPT if to_accept else Verdict.PASS
        yield CheckResult(Check.NO_BLOCKERS, verdict, 0, blockers)
        yield at_least(Check.DISK_SUFFICIENT, outlook.disk_needed_mib, outlook.disk_free_mib)
