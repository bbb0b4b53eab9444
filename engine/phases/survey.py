"""Looks at every patient of the source in parallel and writes down, in the source's order, what each would become."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from engine.events import Finding
from engine.job import Job
from engine.plan import PlannedPatient
from engine.plan_writer import PlanWriter
from engine.profiles.schema import SourceProfile
from engine.source.database import SourceDatabase
from engine.source.reader import read_patients
from engine.source.records import RecordReader
from engine.source.store import SourceStore
from engine.source.values import Unreadable
from engine.target import workshop
from engine.target.files import TargetStore
from engine.target.keys import Allotment
from engine.target.notice import Notice
from engine.target.workshop import Surveyed, Work
from engine.workers import WorkerDied, Workers
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import ADVICE, FindingCode, Severity

Found = Callable[[str | None, Notice], None]  # patient's source key, what was noticed
SeenOne = Callable[[int, int], None]  # images and bytes of one patient

# Findings that say a column cannot hold what the record says.
_UNMAPPED = frozenset(
    {
        FindingCode.CHART_TOO_LONG,
        FindingCode.TEXT_NOT_REPRESENTABLE,
        FindingCode.TEXT_TOO_LONG,
        FindingCode.DATE_OUT_OF_RANGE,
        FindingCode.UNKNOWN_CODE,
    }
)


@dataclass
class Seen:
    """Counts of a survey. Left out: images the reader reported instead of reading. Skipped: read, and not planned."""

    patients: int = 0
    images: int = 0
    images_left_out: int = 0
    skipped: int = 0
    skipped_acceptably: int = 0
    unmapped: int = 0
    writes_refused: int = 0


class Survey:
    """One pass over the source."""

    def __init__(
        self,
        job: Job,
        staging: SourceDatabase,
        profile: SourceProfile,
        store: TargetStore,
        writer: PlanWriter,
        found: Found,
        seen_one: SeenOne,
    ) -> None:
        self._job, self._staging, self._profile = job, staging, profile
        self._store, self._writer, self._found, self._seen_one = store, writer, found, seen_one
        self._seen = Seen()

    def run(self, baseline: Mapping[str, int]) -> Seen:
        """Adds every patient to the plan and reports everything found on the way."""
        settings = (self._job.target.profile, self._job.source.store, self._job.folder)
        with Workers(self._job.run.workers, workshop.survey, workshop.set_up, settings) as workers:
            for work, surveyed in workers.map(self._work(baseline)):
                self._take(work, surveyed)
        self._report_duplicates()
        self._report_orphan_files()
        return self._seen

    def _work(self, baseline: Mapping[str, int]) -> Iterator[Work]:
        allotment = Allotment(baseline)
        records = read_patients(self._staging, self._profile, self._left_out)
        for number, record in enumerate(records, start=1):
            yield Work(number, record, allotment.allot(record))

    def _left_out(self, finding: Finding) -> None:
        self._seen.images_left_out += finding.image is not None
        notice = Notice(finding.code, finding.image, finding.place, finding.detail)
        self._found(finding.patient, notice)

    def _take(self, work: Work, surveyed: Surveyed | WorkerDied) -> None:
        if isinstance(surveyed, WorkerDied):
            raise EnvironmentProblem(
                "a worker process died twice over one patient",
                where="dry run",
                next_step="free memory or set run.workers lower, then run dry-run again",
            )
        patient = surveyed.patient
        self._writer.add(patient)
        self._count(surveyed)
        for notice in (*surveyed.notices, *self._patient_notices(patient)):
            self._found(work.record.patient.key, notice)
        self._seen_one(len(work.record.images), sum(image.source_size for image in patient.images))

    def _count(self, surveyed: Surveyed) -> None:
        patient, seen = surveyed.patient, self._seen
        seen.patients += 1
        seen.images += len(patient.record.images)
        seen.skipped += len(patient.skipped)
        seen.skipped_acceptably += sum(ADVICE[skip.code].severity is Severity.ACCEPT for skip in patient.skipped)
        seen.unmapped += _unmapped(surveyed)
        seen.writes_refused += surveyed.writes_refused

    def _patient_notices(self, patient: PlannedPatient) -> Iterator[Notice]:
        if not (patient.record.patient.chart_number or "").strip():
            yield Notice(FindingCode.CHART_MISSING)
        for path in self._store.taken(image.path for image in patient.images):
            yield Notice(FindingCode.PATH_TAKEN, place=path)

    def _report_duplicates(self) -> None:
        for patient, chart in self._writer.duplicate_charts():
            self._found(patient, Notice(FindingCode.CHART_DUPLICATE, detail=f"chart number {chart}"))
        for patient, image, uid in self._writer.duplicate_uids():
            self._found(patient, Notice(FindingCode.DUPLICATE_UID, image, detail=uid))

    def _report_orphan_files(self) -> None:
        self._writer.add_source_files(self._files_of_rows())
        for path, size, _ in SourceStore(self._job.source.store).walk():
            if not self._writer.names_source(path):
                self._found(None, Notice(FindingCode.ORPHAN_FILE, place=path, detail=f"{size} bytes"))

    def _files_of_rows(self) -> Iterator[str]:
        reader = RecordReader(self._profile)
        for row in self._staging.rows(self._profile.audit.files):
            with suppress(Unreadable):  # a row without a path is a finding of its own
                yield reader.file(row)


def _unmapped(surveyed: Surveyed) -> int:
    """Images whose record the target cannot hold; what is wrong with the patient is wrong with every image."""
    wrong = [notice for notice in surveyed.notices if notice.code in _UNMAPPED]
    if any(notice.image is None for notice in wrong):
        return len(surveyed.patient.record.images)
    return len({notice.image for notice in wrong})
