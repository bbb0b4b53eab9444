"""The whole reconciliation: fill the workbook, compare patient by patient, see what nobody claimed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.events import Doing
from engine.profiles.schema import FileRule, SourceProfile, TargetProfile
from engine.reconcile.checkable import require_reconcilable
from engine.reconcile.compare import judge
from engine.reconcile.disk_view import walk
from engine.reconcile.forms import SourceForm, TargetForm, kept_hashes, turner_of
from engine.reconcile.image_check import examine
from engine.reconcile.image_values import Eyes, FileKind, ImageAnswer, ImageQuestion
from engine.reconcile.judgement import Counts, Discrepancy, Judgement
from engine.reconcile.leftovers import Leftovers, leftovers
from engine.reconcile.matching import Held, Matcher
from engine.reconcile.native_reader import layout_of
from engine.reconcile.native_seal import Sealing
from engine.reconcile.questions import questions
from engine.reconcile.reading import Database, files_of
from engine.reconcile.roots import Roots
from engine.reconcile.row_check import Lines
from engine.reconcile.source_view import SourcePatient, SourceTotals, SourceView
from engine.reconcile.target_view import Shape, TargetView, shape_of
from engine.reconcile.workbook import Workbook
from engine.running.pace import FULL_PACE
from engine.running.workers import WorkerDied, Workers
from protocol.digests import SetDigest
from protocol.errors import EnvironmentProblem
from protocol.statements import SetDigests
from protocol.vocabulary import FindingCode

_NO_FILE = (FindingCode.MISSING_FILE, FindingCode.UNREADABLE_FILE)
_Pool = Workers[tuple[ImageQuestion, ...], list[ImageAnswer]]


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything stands. `scratch` is a folder for a working file that is removed at the end."""

    staging: str
    source_store: tuple[Path, ...]
    target: str
    target_store: Path
    scratch: Path


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom to tell: totals (patients, images), what goes on where no image passes, a finding of a patient, progress
    (images, bytes) after each patient.

    `checkpoint` is asked between patients; what it raises ends the reconciliation. `pace` tells the percent of the time
    that workers may work.
    """

    total: Callable[[int, int], None]
    doing: Callable[[Doing], None]
    found: Callable[[str | None, Discrepancy], None]
    done: Callable[[int, int], None]
    checkpoint: Callable[[], None]
    pace: Callable[[], int] = lambda: FULL_PACE


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came out: counts, what source and target count themselves, what was left over, the three set digests."""

    counts: Counts
    source: SourceTotals
    target: Mapping[str, int]
    leftovers: Leftovers
    digests: SetDigests
    rows: int
    files: int
    file_bytes: int


def reconcile(
    places: Places, source: SourceProfile, target: TargetProfile, digest_key: bytes, workers: int, listener: Listener
) -> Reconciliation:
    """Compares everything with everything. Raises UsageProblem, EnvironmentProblem, or what the listener raises."""
    require_reconcilable(target)
    shape, eyes = shape_of(target), eyes_of(places, source, target)
    form, roots = SourceForm(source, target), Roots(places.source_store, places.target_store)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir=places.scratch, prefix="reconcile-")))
        book = stack.enter_context(closing(Workbook(folder / "seen.sqlite")))
        staging = stack.enter_context(closing(Database(places.staging, "staging database")))
        base = stack.enter_context(closing(Database(places.target, "target database")))
        view = SourceView(staging, source, form)
        totals = view.totals()
        listener.total(totals.wanted_patients, totals.wanted_images)
        listener.doing(Doing.ROWS_AND_FILES)
        target_view = TargetView(base, target, shape, TargetForm(target))
        rows = target_view.fill(book)
        own = files_of(places.target)
        book.put_files(file for file in walk(places.target_store, target) if places.target_store / file[0] not in own)
        book.index()
        sets = _Sets(digest_key)
        scan = _Scan(book, shape, form, sets, listener, roots)
        pool = stack.enter_context(Workers(workers, _examine_all, _open_eyes, (eyes,), listener.pace))
        scan.compare(stack.enter_context(closing(view.patients())), pool)
        listener.doing(Doing.LEFTOVERS)
        scan.see_leftovers()
        scan.declare_lost(view.lost_images)
        counts = target_view.counts()
        scan.hold_against(counts)
        files, file_bytes = book.file_totals()
        _tally(sets, scan.counts, counts, files)
    return Reconciliation(scan.counts, totals, counts, scan.leftovers, sets.closed(), rows, files, file_bytes)


def eyes_of(places: Places, source: SourceProfile, target: TargetProfile) -> Eyes:
    """What the workers need to know of both profiles."""
    kinds = tuple(FileKind(rule.when, rule.type, rule.path, *_sealing(rule, target)) for rule in target.files)
    template = target.orientation.template or "{rotation}"
    turners = turner_of(source), turner_of(target)
    return Eyes(
        places.source_store, places.target_store, *turners, template, kinds, layout_of(target.native), target.codes
    )


def _sealing(rule: FileRule, target: TargetProfile) -> tuple[Sealing, str | None]:
    columns = kept_hashes(target)
    kept = next((columns[place] for place in rule.integrity.kept if place in columns), None)
    return Sealing(rule.integrity.algorithm, rule.integrity.covers, rule.integrity.own), kept


class _Sets:
    """The three set digests while they grow."""

    def __init__(self, key: bytes) -> None:
        self.source, self.database, self.disk = SetDigest(key), SetDigest(key), SetDigest(key)

    def add(self, judgement: Judgement) -> None:
        for digest, records in (
            (self.source, judgement.source),
            (self.database, judgement.database),
            (self.disk, judgement.disk),
        ):
            for record in records:
                digest.add(record)

    def closed(self) -> SetDigests:
        return SetDigests(self.source.hexdigest(), self.database.hexdigest(), self.disk.hexdigest())


class _Scan:
    """The steps of one reconciliation over an open workbook."""

    def __init__(
        self, book: Workbook, shape: Shape, form: SourceForm, sets: _Sets, listener: Listener, roots: Roots
    ) -> None:
        self._book, self._shape, self._form, self._sets, self._listener = book, shape, form, sets, listener
        self._roots = roots
        self._matcher = Matcher(book, shape, form)
        self._waiting: deque[tuple[SourcePatient, Held, Lines]] = deque()
        self.counts = Counts()
        self.leftovers = Leftovers()

    def compare(self, patients: Iterable[SourcePatient], pool: _Pool) -> None:
        """Every patient of the source; workers look at the images of several at once."""
        for images, answers in pool.map(self._asked(patients)):
            if isinstance(answers, WorkerDied):
                raise EnvironmentProblem(
                    "a worker process died while it looked at one patient's images",
                    where="reconcile",
                    next_step="check memory and disk, then run reconcile again",
                )
            self._judge(*self._waiting.popleft(), answers)
            self._listener.done(len(images), sum(answer.bytes for answer in answers))

    def _asked(self, patients: Iterable[SourcePatient]) -> Iterator[tuple[ImageQuestion, ...]]:
        for patient in patients:
            self._listener.checkpoint()
            held = self._matcher.match(patient)
            lines = self._lines(held)
            self._waiting.append((patient, held, lines))
            yield questions(patient, held, lines)

    def _lines(self, held: Held) -> Lines:
        images = held.images.values()
        keys = {"patient": [held.patient] if held.patient else [], "image": images}
        keys |= {"study": held.studies.values(), "series": held.series.values()}
        rows = {
            (table.name, key): self._book.lines(table.name, key)
            for table in self._shape.tables
            for key in keys[table.entity]
        }
        looked = {key: self._book.looked(key) for key in images}
        return Lines(rows, looked, {key: self._book.files(key) for key in images})

    def _judge(self, patient: SourcePatient, held: Held, lines: Lines, answers: list[ImageAnswer]) -> None:
        if any(map(_is_without_file, answers)):
            self._roots.require_same()
        by_image = {image.key: answer for image, answer in zip(patient.images, answers, strict=True)}
        judgement = judge(patient, held, lines, by_image, self._shape, self._form)
        standing = {path for paths in lines.files.values() for path in paths}
        for answer in answers:
            if answer.path is not None and answer.path in standing:
                self._book.claim_file(answer.path)
        for found in judgement.found:
            self._listener.found(patient.key, found)
        self.counts.add(judgement.counts)
        self._sets.add(judgement)

    def see_leftovers(self) -> None:
        """What nobody claimed, in the database and on disk."""
        for leftover in leftovers(self._book, self._shape, self.leftovers):
            self._listener.found(None, leftover.finding)
            (self._sets.disk if leftover.on_disk else self._sets.database).add(leftover.record)

    def declare_lost(self, images: list[str]) -> None:
        """Image rows of the source that belong to no patient: declared, as no viewer could show them."""
        for image in images:
            self._listener.found(None, Discrepancy(FindingCode.ORPHAN_ROW, "source", "belongs to no patient", image))
        self.counts.declared += len(images)

    def hold_against(self, target: Mapping[str, int]) -> None:
        """What a viewer of the target counts, which a row's own marks may hide from it, against what there is."""
        for name, seen, too_few, too_many in (
            (
                "patients",
                self.counts.patients + self.leftovers.patients,
                FindingCode.PATIENT_MISSING,
                FindingCode.PATIENT_EXTRA,
            ),
            ("images", self.counts.images + self.leftovers.images, FindingCode.ROW_MISSING, FindingCode.ROW_EXTRA),
        ):
            if target[name] != seen:
                code = too_few if target[name] < seen else too_many
                detail = f"the target counts {target[name]} {name}, where {seen} are expected"
                self._listener.found(None, Discrepancy(code, f"audit.{name}", detail))


def _tally(sets: _Sets, counts: Counts, target: Mapping[str, int], files: int) -> None:
    """How many patients and images each side counts for itself, as one more record of its set."""
    sets.source.add({"kind": "totals", "patients": counts.patients, "images": counts.images})
    sets.database.add({"kind": "totals", **target})
    sets.disk.add({"kind": "totals", "patients": target["patients"], "images": files})


def _is_without_file(answer: ImageAnswer) -> bool:
    return answer.wanting in _NO_FILE or any(flaw.code is FindingCode.FILE_MISSING for flaw in answer.flaws)


_eyes: list[Eyes] = []


def _open_eyes(eyes: Eyes) -> None:
    _eyes[:] = [eyes]


def _examine_all(questions: tuple[ImageQuestion, ...]) -> list[ImageAnswer]:
    return [examine(_eyes[0], question) for question in questions]
