"""Phase dry-run: the whole conversion against a target that cannot be written. Makes the plan. Gate DRY_RUN."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import chain

import msgspec

from engine.events import Doing, Finding
from engine.job import Job
from engine.journal import recorded_made
from engine.phases import PhaseResult, at_least, judged
from engine.phases.enumerated import Expected, expected
from engine.phases.room import places
from engine.phases.source_state import require_fingerprint, require_production, source_checks
from engine.phases.survey import Seen, Survey
from engine.phases.totals import of_severity, totals
from engine.plan.digests import blinded
from engine.plan.reader import Plan
from engine.plan.values import PlanHeader
from engine.plan.writer import Base, PlanWriter
from engine.profiles.load import load_source, load_target
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.running.control import Control
from engine.running.forecast import Forecast, Work, forecast, measured_write_rate
from engine.running.night import hours_of
from engine.running.reporter import Reporter
from engine.source.database import SourceDatabase
from engine.source.listing import StoreFile
from engine.target import before, leaving
from engine.target.database import TargetDatabase
from engine.target.failures import Failure
from engine.target.files import TargetStore
from engine.target.mentioned import Mentioned
from engine.target.notice import Notice
from engine.target.planned import Standing
from engine.target.refused_rows import refused_rows
from engine.target.unknown import uid_columns
from engine.target.zero_writes import WriteGuard
from engine.top_up import base_of, require_known
from protocol.statements import CheckResult
from protocol.vocabulary import Check, FindingCode, Gate, Phase, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` gives seconds; `now` the local time: without a zone it is this machine's, whatever the season."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = datetime.now


def run(job: Job, reporter: Reporter, control: Control, *, clock: Clock = Clock()) -> PhaseResult:
    """Surveys every patient and writes plan.sqlite and report/dry-run.json; outside the job's folder it writes nothing.

    After a conversion that is finished it plans a top-up. Raises Refused while one is under way, Interrupted,
    EnvironmentProblem, UsageProblem.
    """
    source, target = load_source(job.source.profile), load_target(job.target.profile)
    base = base_of(job, target.digest)
    require_fingerprint(job)
    require_production(job)
    with (
        WriteGuard(job.folder) as guard,
        SourceDatabase.open(job.source.staging, source) as staging,
        closing(TargetDatabase(job.target.database, target, read_only=True)) as database,
    ):
        with _target_explained():
            require_known(job, target, database)
        return _DryRun(job, reporter, control, clock, source, target, base, staging, database, guard).result()


@contextmanager
def _target_explained() -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise failure.ends("run dry-run again") from failure


@dataclass
class _DryRun:
    job: Job
    reporter: Reporter
    control: Control
    clock: Clock
    source: SourceProfile
    target: TargetProfile
    base: Base | None
    staging: SourceDatabase
    database: TargetDatabase
    guard: WriteGuard

    def result(self) -> PhaseResult:
        store = TargetStore(self.job.target.store, self.job.run_id)
        store.require_present()
        wanted = expected(self.staging, self.source)
        self.reporter.total(wanted.patients, wanted.images)
        self.reporter.doing(Doing.TARGET)
        marked = before.mark(self.database, store)
        for notice in before.notices(self.database, self.target, marked, self._ours()):
            self._found(None, notice)
        started = self.clock.monotonic()
        seen, writer = self._survey(store, wanted)
        seconds = self.clock.monotonic() - started
        outlook = self._forecast(writer, store, seconds)
        for volume in outlook.volumes:
            if not volume.is_large_enough:
                detail = f"{', '.join(volume.holds)}: {volume.needed_mib} MiB needed, {volume.free_mib} MiB free"
                self._found(None, Notice(FindingCode.DISK_SPACE, detail=detail))
        writer.finish()
        self.reporter.doing(Doing.TARGET)
        with closing(Plan(self.job.plan_path)) as plan:
            self._report_worked_with(plan)
            self._report_refused_rows(plan)
            unchanged = before.mark(self.database, store)
            checks = (*self._enumeration(wanted, seen), *self._writes(seen, marked, unchanged, plan))
            checks += tuple(self._verdicts(outlook))
            self._report(outlook, plan)
            found = totals(plan.totals, wanted.annotations, self.reporter.counts)
            return PhaseResult(Gate.DRY_RUN, checks, found, plan=blinded(plan.digest, self.job.digest_key))

    def _survey(self, store: TargetStore, wanted: Expected) -> tuple[Seen, PlanWriter]:
        header = self._header(wanted)
        writer = PlanWriter(self.job.plan_path, header, self.base)
        try:
            told = (self._found, self._seen_one, lambda: self.control.pace, self.database.holders())
            survey = Survey(self.job, self.staging, self.source, self.target, store, writer, header, *told)
            seen = survey.run()
            self.reporter.doing(Doing.DOUBLES)
            survey.complete()
            self._report_already_there(writer)
            return seen, writer
        except BaseException:
            writer.abandon()
            raise

    def _header(self, wanted: Expected) -> PlanHeader:
        began = (self.job.run_id, self.source.digest, self.target.digest, self.database.baseline(), wanted.annotations)
        base = self.base
        return PlanHeader(*began, base.digest, base.first, base.handed_out) if base else PlanHeader(*began)

    def _ours(self) -> before.Ours:
        """What earlier plans of this run put into the target."""
        return before.Ours(self.base.handed_out, self.base.files) if self.base else before.Ours()

    def _report_already_there(self, writer: PlanWriter) -> None:
        """Images that the target holds by their own UID, and that this job did not put there, would come twice."""
        if self.database.drift():
            return
        detail = "an image with this UID stands in the target already, and this job did not put it there"
        with _target_explained():
            uids = chain.from_iterable(self.database.texts(*place) for place in uid_columns(self.target))
            for patient, image, _ in writer.already_there(uids):
                self._found(patient, Notice(FindingCode.DUPLICATE_UID, image, detail=detail))

    def _report_worked_with(self, plan: Plan) -> None:
        """Who is to leave the target and is not there as it was converted: the conversion would touch nothing."""
        mentioned = Mentioned(self.database, (standing.keys for standing in self._leaving(plan)))
        for standing in self._leaving(plan):
            if what := self._what_changed(standing, mentioned):
                self._found(standing.patient.record.patient.key, Notice(FindingCode.TARGET_CHANGED, detail=what))

    def _report_refused_rows(self, plan: Plan) -> None:
        """Rows that the target would refuse for what other rows hold."""
        if self.database.drift():
            return
        with _target_explained():
            for patient, notice in refused_rows(plan, self.target, self.database):
                self._found(patient, notice)

    def _leaving(self, plan: Plan) -> Iterator[Standing]:
        for patient in map(plan.patient, plan.leaving().values()):
            yield Standing(patient, recorded_made(self.job.journal_path, patient.number))

    def _what_changed(self, standing: Standing, mentioned: Mentioned) -> str | None:
        with _target_explained():
            return leaving.what_changed(standing, self.target, self.database, mentioned)

    def _seen_one(self, images: int, size: int) -> None:
        self.reporter.advance(patients=1, images=images, bytes=size)
        self.control.checkpoint()

    def _found(self, patient: str | None, notice: Notice) -> None:
        self.reporter.finding(Finding(Phase.DRY_RUN, notice.code, patient, notice.image, notice.place, notice.detail))

    def _forecast(self, writer: PlanWriter, store: TargetStore, seconds: float) -> Forecast:
        work, now = writer.work, self.clock.now()
        return forecast(
            now=now.timestamp(),
            hours=hours_of(self.job.run, now.tzinfo),
            work=Work(work.patients, work.images, work.bytes, seconds),
            write_rate=measured_write_rate(self.job.folder, self.clock.monotonic),
            places=places(self.job, store, self.database.file),
        )

    def _report(self, outlook: Forecast, plan: Plan) -> None:
        self.job.report_folder.mkdir(exist_ok=True)
        change = {"number": len(plan.rounds) - 1, **asdict(plan.rounds[-1])} if plan.header.previous else None
        report = {**msgspec.to_builtins(outlook), "top_up": change}
        text = msgspec.json.format(msgspec.json.encode(report), indent=2)
        (self.job.report_folder / "dry-run.json").write_bytes(text + b"\n")

    def _orphans(self, plan: Plan, files: Sequence[StoreFile]) -> None:
        """Files of which no row speaks. One that came after staging is a late arrival: the next backup may know it."""
        named = plan.named_sources([file.name for file in files])
        for file in files:
            if file.name not in named:
                self._found(None, Notice(FindingCode.ORPHAN_FILE, place=file.name, detail=f"{file.size} bytes"))

    def _enumeration(self, wanted: Expected, seen: Seen) -> Iterator[CheckResult]:
        yield judged(Check.PATIENTS_ENUMERATED, wanted.patients, seen.patients)
        yield judged(Check.IMAGES_ENUMERATED, wanted.images, seen.images + seen.images_left_out)
        yield judged(Check.IMAGES_DECODED, seen.images, seen.images - seen.skipped, accepted=seen.skipped_acceptably)
        yield judged(Check.RECORDS_MAPPED, seen.images, seen.images - seen.unmapped)

    def _writes(
        self, seen: Seen, marked: before.TargetMark, unchanged: before.TargetMark, plan: Plan
    ) -> Iterator[CheckResult]:
        yield judged(Check.FILES_WRITTEN, 0, seen.writes_refused + self.guard.refused)
        yield judged(Check.ROWS_WRITTEN, 0, self.database.statements.refused)
        yield from source_checks(self.job, self.reporter, partial(self._orphans, plan))
        yield judged(Check.TARGET_UNCHANGED, marked.parts, marked.equal_parts(unchanged))

    def _verdicts(self, outlook: Forecast) -> Iterator[CheckResult]:
        blockers = of_severity(self.reporter.counts, Severity.BLOCKER)
        to_accept = of_severity(self.reporter.counts, Severity.ACCEPT)
        verdict = Verdict.FAIL if blockers else Verdict.ACCEPT if to_accept else Verdict.PASS
        yield CheckResult(Check.NO_BLOCKERS, verdict, 0, blockers)
        yield at_least(Check.DISK_SUFFICIENT, outlook.disk_needed_mib, outlook.disk_free_mib)
