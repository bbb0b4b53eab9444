"""Looks at every patient of the source in parallel and writes down, in the source's order, what each would become.

In a top-up a patient whose record and source files are as they were when they were planned is kept without a look at
any picture; one that was looked at and has not changed is kept too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

import msgspec

from engine.events import Finding
from engine.job import Job
from engine.model import PatientRecord
from engine.plan.values import PlanHeader, PlannedPatient
from engine.plan.writer import Earlier, PlanWriter
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.running.pace import FULL_PACE
from engine.running.workers import WorkerDied, Workers
from engine.source.database import SourceDatabase
from engine.source.reader import read_patients
from engine.source.records import RecordReader
from engine.source.store import SourceStore
from engine.source.values import Unreadable
from engine.target.files import TargetStore
from engine.target.fit import Holder
from engine.target.keys import Allotment
from engine.target.lethal import without_lethal
from engine.target.notice import Notice
from engine.target.work import Surveyed, Work, set_up, survey
from protocol.advice import ADVICE
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import FindingCode, Severity

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
        FindingCode.VALUE_UNFIT,
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
    """One pass over the source. `header` is the one that `writer` was begun with; `columns` are the target's own."""

    def __init__(
        self,
        job: Job,
        staging: SourceDatabase,
        profile: SourceProfile,
        target: TargetProfile,
        store: TargetStore,
        writer: PlanWriter,
        header: PlanHeader,
        found: Found,
        seen_one: SeenOne,
        pace: Callable[[], int] = lambda: FULL_PACE,
        columns: Mapping[str, Holder] = MappingProxyType({}),
    ) -> None:
        self._job, self._staging, self._profile, self._target = job, staging, profile, target
        self._store, self._writer, self._header = store, writer, header
        self._found, self._seen_one, self._pace = found, seen_one, pace
        self._source, self._columns = SourceStore(job.source.store), dict(columns)
        self._seen = Seen()

    def run(self) -> Seen:
        """Plans every patient and reports everything found on the way."""
        settings = (self._target, self._job.source.store, self._job.folder, self._columns)
        with Workers(self._job.run.workers, survey, set_up, settings, self._pace) as workers:
            for work, surveyed in workers.map(self._work()):
                self._take(work, self._survived(workers, work, surveyed))
        return self._seen

    def complete(self) -> None:
        """After the last patient: what can be said of all of them together."""
        self._writer.carry_over()
        self._report_kept()
        self._report_duplicates()
        self._report_shared_files()
        self._writer.add_source_files(self._files_of_rows())

    def _work(self) -> Iterator[Work]:
        """Patients to look at, with numbers and keys that no earlier plan gave away."""
        allotment, number = Allotment(first_free(self._header)), self._header.first
        for record in read_patients(self._staging, self._profile, self._left_out):
            earlier = self._writer.earlier(record.patient.key)
            if earlier is not None and self._is_untouched(earlier, record):
                self._keep(earlier, record)
            else:
                yield Work(number, record, allotment.allot(record))
                number += 1

    def _is_untouched(self, earlier: Earlier, record: PatientRecord) -> bool:
        """Whether the record is equal, and every file has the size and modification time it had."""
        return earlier.record == msgspec.json.encode(record) and all(
            (size, modified) == (self._source.stamp(path) or (None, None)) for path, size, modified in earlier.files
        )

    def _keep(self, earlier: Earlier, record: PatientRecord) -> None:
        self._writer.keep(earlier.number)
        self._count(record)
        self._seen_one(len(record.images), 0)

    def _left_out(self, finding: Finding) -> None:
        self._seen.images_left_out += finding.image is not None
        notice = Notice(finding.code, finding.image, finding.place, finding.detail)
        self._found(finding.patient, notice)

    def _survived(self, workers: Workers[Work, Surveyed], work: Work, surveyed: Surveyed | WorkerDied) -> Surveyed:
        """The patient, without the images that end the process which looks at them. Raises EnvironmentProblem."""
        if isinstance(surveyed, Surveyed):
            return surveyed
        try:
            return without_lethal(workers, work)
        except WorkerDied as died:
            raise EnvironmentProblem(
                "a worker process died again and again over one patient, and no single image is to blame",
                where="dry run",
                next_step="free memory or set run.workers lower, then run dry-run again",
            ) from died

    def _take(self, work: Work, surveyed: Surveyed) -> None:
        patient = surveyed.patient
        earlier = self._writer.earlier(work.record.patient.key)
        if earlier is not None and earlier.source_digest == patient.source_digest:
            self._writer.keep(earlier.number, patient)
            self._count(patient.record)
        else:
            self._add(surveyed)
        self._seen_one(len(work.record.images), sum(image.source_size for image in patient.images))

    def _add(self, surveyed: Surveyed) -> None:
        patient = surveyed.patient
        notices = (*surveyed.notices, *self._patient_notices(patient))
        self._writer.add(patient, notices)
        self._seen.writes_refused += surveyed.writes_refused
        self._count(patient.record)
        self._count_skipped(Counter(skip.code for skip in patient.skipped))
        self._report(patient.record.patient.key, len(patient.record.images), notices)

    def _report(self, key: str, images: int, notices: Sequence[Notice]) -> None:
        """Tells what was noticed of one patient."""
        self._seen.unmapped += _unmapped(images, notices)
        for notice in notices:
            self._found(key, notice)

    def _count(self, record: PatientRecord) -> None:
        self._seen.patients += 1
        self._seen.images += len(record.images)

    def _count_skipped(self, skipped: Mapping[FindingCode, int]) -> None:
        for code, count in skipped.items():
            self._seen.skipped += count
            self._seen.skipped_acceptably += count * (ADVICE[code].severity is Severity.ACCEPT)

    def _report_kept(self) -> None:
        """What was found of the patients that are kept is still so, and the evidence speaks of the whole target."""
        self._count_skipped(self._writer.kept_skipped())
        for (key, images), group in groupby(self._writer.kept_notices(), key=lambda found: found[:2]):
            self._report(key, images, [notice for _, _, notice in group])

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

    def _report_shared_files(self) -> None:
        """Two images in one target file, or names in the source that are one file where case does not count."""
        for patient, image, path in self._writer.shared_paths():
            self._found(patient, Notice(FindingCode.PATH_TAKEN, image, path, "another image would stand at this path"))
        for patient, image, path in self._writer.case_twins():
            if self._source.ignores_case(path):
                detail = "another image's file differs in case only, and here both names are one file"
                self._found(patient, Notice(FindingCode.DUPLICATE_UID, image, path, detail))

    def _files_of_rows(self) -> Iterator[str]:
        reader = RecordReader(self._profile)
        for row in self._staging.rows(self._profile.audit.files):
            with suppress(Unreadable):  # a row without a path is a finding of its own
                yield reader.file(row)


def first_free(header: PlanHeader) -> Mapping[str, int]:
    """The largest key per entity that is in use or was ever planned."""
    return {entity: max(last, header.handed_out.get(entity, 0)) for entity, last in header.baseline.items()}


def _unmapped(images: int, notices: Iterable[Notice]) -> int:
    """Images whose record the target cannot hold; what is wrong with the patient is wrong with every image."""
    wrong = [notice for notice in notices if notice.code in _UNMAPPED]
    if any(notice.image is None for notice in wrong):
        return images
    return len({notice.image for notice in wrong})
