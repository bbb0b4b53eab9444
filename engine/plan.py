"""plan.sqlite: what the dry run found and the conversion must reproduce, patient by patient. Holds PHI."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import add, itemgetter
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from engine.meanings import sqlite
from engine.meanings.databases import of_own_file, told
from engine.model import PatientRecord
from engine.source.content import FileRead
from engine.target.keys import Keys
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import FindingCode, Refusal

T = TypeVar("T")

_STAYING: Final = "SELECT number FROM patient WHERE leaves_with IS NULL"
_READ: Final = "FROM image JOIN patient USING (number) WHERE leaves_with IS NULL AND source_sha256 IS NOT NULL"
_HELD: Final = (
    "SELECT number, keys, target_key, path, size FROM patient"
    " LEFT JOIN (SELECT number, target_key, path, size FROM image WHERE skipped IS NULL) USING (number) ORDER BY number"
)
_LEAVING: Final = "SELECT leaves_with, number FROM patient WHERE leaves_with IS NOT NULL"


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """What a plan belongs to. `baseline` is the largest key in use per entity when planning began.

    `annotations` are counted, and carried in a later pass. A top-up names the plan it builds on by its digest in
    `previous`; patients whose number is below `first` are of earlier plans, and `handed_out` is the largest key per
    entity that those plans gave away.
    """

    run: str
    source_profile: str
    target_profile: str
    baseline: Mapping[str, int]
    annotations: int
    previous: str | None = None
    first: int = 1
    handed_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One image: where it comes from, and the exact file it becomes. Digests are SHA-256; `integrity` is hex too.

    `source_modified` is the source file's modification time in ns.
    """

    source_key: str
    target_key: int
    source_path: str
    source_size: int
    source_sha256: str
    path: str
    size: int
    sha256: str
    integrity: str
    source_modified: int | None = None


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """One image that is declared and not converted, and the finding that says why. The file may not be there.

    `source_sha256` is of its content, where that could be read.
    """

    source_key: str
    target_key: int
    source_path: str
    code: FindingCode
    source_size: int | None = None
    source_modified: int | None = None
    source_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedPatient:
    """One patient: the record as read, the planned keys, and what the conversion must reproduce."""

    number: int
    record: PatientRecord
    keys: Keys
    images: tuple[PlannedImage, ...]
    skipped: tuple[SkippedImage, ...]
    rows: int
    rows_digest: str

    @property
    def bytes(self) -> int:
        """Bytes of the patient's target files."""
        return sum(image.size for image in self.images)

    @property
    def source_digest(self) -> str:
        """SHA-256 over the record and the content of its files: changes when anything of the patient changes."""
        digest = hashlib.sha256(msgspec.json.encode(self.record))
        for image in self.images:
            digest.update(f"\n{image.source_key} {image.source_sha256}".encode())
        for skipped in self.skipped:
            content = f" {skipped.source_sha256}" if skipped.source_sha256 else ""
            digest.update(f"\n{skipped.source_key} {skipped.code}{content}".encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Held:
    """What the target holds of one patient: planned keys, and of every image that is written key, path and bytes."""

    number: int
    keys: Keys
    images: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One unit of all or nothing: the patient that comes, and the one of an earlier plan whose place it takes.

    A patient that is new takes nobody's place; for one that is gone from the source nobody comes.
    """

    number: int
    comes: PlannedPatient | None
    leaves: PlannedPatient | None = None

    @property
    def key(self) -> str:
        """The patient's key in the source."""
        patient = self.comes or self.leaves
        if patient is None:
            raise ValueError("a change without any patient")
        return patient.record.patient.key

    @property
    def images(self) -> int:
        """Images that must be written."""
        return len(self.comes.images) if self.comes else 0

    @property
    def bytes(self) -> int:
        """Bytes of the files that must be written."""
        return self.comes.bytes if self.comes else 0


@dataclass(frozen=True, slots=True)
class Round:
    """What one plan changes, in patients: how many it leaves as they are, converts again, adds, and takes away."""

    kept: int = 0
    changed: int = 0
    new: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """How much is planned: `images` and `bytes` of files to be written, `skipped` images declared and not converted."""

    patients: int = 0
    studies: int = 0
    series: int = 0
    images: int = 0
    skipped: int = 0
    bytes: int = 0
    rows: int = 0

    @staticmethod
    def of(patient: PlannedPatient) -> PlanTotals:
        """What one patient adds."""
        record = patient.record
        counts = (len(record.studies), len(record.series), len(patient.images), len(patient.skipped))
        return PlanTotals(1, *counts, patient.bytes, patient.rows)

    def __add__(self, other: PlanTotals) -> PlanTotals:
        return PlanTotals(*map(add, self.counts, other.counts))

    @property
    def counts(self) -> tuple[int, ...]:
        """The counts in their order."""
        return self.patients, self.studies, self.series, self.images, self.skipped, self.bytes, self.rows


def patient_digest(patient: PlannedPatient) -> str:
    """SHA-256 over everything that is decided about one patient: its source, rows, keys, paths and files."""
    keys = msgspec.json.encode(patient.keys, order="sorted").decode()
    digest = hashlib.sha256(f"{patient.number} {patient.source_digest} {patient.rows_digest} {keys}\n".encode())
    for image in patient.images:
        digest.update(f"{image.target_key} {image.path} {image.size} {image.sha256}\n".encode())
    return digest.hexdigest()


class PlanDigest:
    """SHA-256 over everything a plan decides: its header, and its patients in the order of their numbers."""

    def __init__(self, header: PlanHeader) -> None:
        self._hash = hashlib.sha256(msgspec.json.encode(header, order="sorted"))

    def add(self, patient: str, leaves_with: int | None) -> None:
        """The next patient, by its digest; one that leaves the target, with the number of the change it leaves in."""
        self._hash.update(f"{patient} {'' if leaves_with is None else leaves_with}\n".encode())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def blinded(digest: str, key: bytes) -> str:
    """A plan's digest under the run's key (32 bytes): the same for the same plan, and nothing else can be learnt."""
    return hmac.new(key, b"bitewing plan " + digest.encode(), hashlib.sha256).hexdigest()


class Plan:
    """A complete plan, read-only. `digest` names it: two plans with one digest plan the same."""

    def __init__(self, path: Path) -> None:
        """Opens the plan. Raises Refused if there is none, EnvironmentProblem if it is damaged."""
        if not path.is_file():
            raise Refused(
                Refusal.EVIDENCE_MISSING, "there is no plan", where=path.name, next_step="run dry-run, which makes it"
            )
        self._path = path
        with damage_explained(path):
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            self.header = self._get("header", PlanHeader)
            self.totals = self._get("totals", PlanTotals)
            self.digest = self._get("digest", str)
            self.rounds = self._get("rounds", tuple[Round, ...])
            self.last_number = self._get("last_number", int)
            self.last_keys = self._get("last_keys", dict[str, int])
            self._leaving = dict(self._database.execute(_LEAVING).fetchall())

    def require(self, run: str, source_profile: str, target_profile: str) -> None:
        """Raises Refused unless the plan was made by this run with these profiles (digests)."""
        found = (self.header.run, self.header.source_profile, self.header.target_profile)
        if found != (run, source_profile, target_profile):
            what = "the plan belongs to another run" if found[0] != run else "a profile changed since the plan was made"
            reason = Refusal.WRONG_RUN if found[0] != run else Refusal.EVIDENCE_NOT_NEWEST
            raise Refused(reason, what, where=self._path.name, next_step="run dry-run again")

    def require_untouched(self) -> None:
        """Raises Refused unless the plan still says what it said when it was made."""
        digest = PlanDigest(self.header)
        leaves_with = {number: change for change, number in self._leaving.items()}
        for number in sorted((*self.numbers(), *leaves_with)):
            digest.add(patient_digest(self.patient(number)), leaves_with.get(number))
        if digest.hexdigest() != self.digest:
            raise Refused(
                Refusal.EVIDENCE_NOT_NEWEST,
                "the plan was changed after the dry run made it",
                where=self._path.name,
                next_step="run dry-run again",
            )

    def numbers(self) -> Sequence[int]:
        """The numbers of all patients that the target shall hold, those with most bytes first. Eight bytes each."""
        with damage_explained(self._path):
            rows = self._database.execute(f"{_STAYING} ORDER BY bytes DESC, number")
            return array("q", (number for (number,) in rows))

    def changes(self) -> Sequence[int]:
        """The numbers of all changes that this plan makes: patients that come, most bytes first, then those gone."""
        coming = array("q", (number for number in self.numbers() if number >= self.header.first))
        gone = self._leaving.keys() - set(coming) if self._leaving else ()
        return coming + array("q", sorted(gone))

    def leaving(self) -> dict[int, int]:
        """The patients that leave the target: number of the change to number of the patient."""
        return dict(self._leaving)

    def change(self, number: int) -> Change:
        """The change with this number."""
        leaves = self._leaving.get(number)
        comes = self.patient(number) if leaves is None or self._holds(number) else None
        return Change(number, comes, None if leaves is None else self.patient(leaves))

    def held(self) -> Iterator[Held]:
        """Every patient of the plan, also those that leave, in the order of their numbers; no record is read."""
        with damage_explained(self._path):
            for number, found in groupby(self._database.execute(_HELD), key=itemgetter(0)):
                rows = tuple(found)
                images = tuple(row[2:] for row in rows if row[2] is not None)
                yield Held(number, msgspec.json.decode(rows[0][1], type=Keys), images)

    def source_files(self, after: int = 0) -> Iterator[tuple[int, tuple[FileRead, ...]]]:
        """The source files that the dry run could read, patient by patient, of those whose number is above `after`.

        Patients who leave the target are not among them: their files may be gone.
        """
        with damage_explained(self._path):
            rows = self._database.execute(
                f"SELECT number, source_path, source_sha256 {_READ} AND number > ? ORDER BY number, position",
                (after,),
            )
            for number, images in groupby(rows, key=itemgetter(0)):
                yield number, tuple(FileRead(path, sha256) for _, path, sha256 in images)

    def source_file_counts(self) -> tuple[int, int]:
        """How many times the dry run read a source file, one for each image, and how many files these are."""
        with damage_explained(self._path):
            images, files = self._database.execute(f"SELECT COUNT(*), COUNT(DISTINCT source_path) {_READ}").fetchone()
        return images, files

    def names_source(self, path: str) -> bool:
        """Whether some row of the source speaks of this file of its store, converted or not."""
        with damage_explained(self._path):
            found = self._database.execute("SELECT 1 FROM source_file WHERE path = ?", (path,))
            return found.fetchone() is not None

    def files_held(self, unmade: Collection[int]) -> int:
        """How many files the target holds where the changes `unmade` are not made and all others are."""
        waiting = frozenset(unmade)
        with damage_explained(self._path):
            found = self._database.execute("SELECT number, leaves_with, images FROM patient").fetchall()
        return sum(
            images
            for number, leaves_with, images in found
            if (leaves_with in waiting if leaves_with is not None else number not in waiting)
        )

    def round_made(self, unmade: Collection[int]) -> Round:
        """What this plan changed in truth, where its changes `unmade` were not made."""
        made = frozenset(self.changes()).difference(unmade)
        coming = made.intersection(self.numbers())
        changed = len(coming.intersection(self._leaving))
        return replace(self.rounds[-1], changed=changed, new=len(coming) - changed, gone=len(made) - len(coming))

    @property
    def work(self) -> PlanTotals:
        """How much this plan adds to the target."""
        return self._totals_where(lambda number: number >= self.header.first)

    def totals_of(self, numbers: Collection[int]) -> PlanTotals:
        """How much is planned for those of these patients that the target shall hold."""
        return self._totals_where(frozenset(numbers).__contains__)

    def _totals_where(self, wanted: Callable[[int], bool]) -> PlanTotals:
        total = PlanTotals().counts
        query = "SELECT number, 1, studies, series, images, skipped, bytes, rows FROM patient WHERE leaves_with IS NULL"
        with damage_explained(self._path):
            for number, *counts in self._database.execute(query):
                if wanted(number):
                    total = tuple(map(add, total, counts))
        return PlanTotals(*total)

    def patient(self, number: int) -> PlannedPatient:
        """The patient with this number."""
        with damage_explained(self._path):
            record, keys, rows, rows_digest = self._database.execute(
                "SELECT record, keys, rows, rows_digest FROM patient WHERE number = ?", (number,)
            ).fetchone()
            images = self._database.execute(
                "SELECT * FROM image WHERE number = ? ORDER BY position", (number,)
            ).fetchall()
            return PlannedPatient(
                number,
                msgspec.json.decode(record, type=PatientRecord),
                msgspec.json.decode(keys, type=Keys),
                tuple(_planned(row) for row in images if row[12] is None),
                tuple(_skipped(row) for row in images if row[12] is not None),
                rows,
                rows_digest,
            )

    def close(self) -> None:
        self._database.close()

    def _holds(self, number: int) -> bool:
        with damage_explained(self._path):
            found = self._database.execute("SELECT 1 FROM patient WHERE number = ?", (number,)).fetchone()
        return found is not None

    def _get(self, name: str, kind: type[T]) -> T:
        ((text,),) = self._database.execute("SELECT value FROM header WHERE name = ?", (name,)).fetchall()
        return msgspec.json.decode(text, type=kind)


@contextmanager
def damage_explained(path: Path) -> Iterator[None]:
    """Translates what a damaged or unusable file makes SQLite say."""
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError, ValueError, TypeError) as problem:
        meaning = of_own_file(problem)
        raise EnvironmentProblem(
            told(meaning.what, problem),
            where=f"{path.name} in the job folder {path.parent}",
            next_step="run dry-run again; once a conversion has begun, restore it from backup instead"
            if meaning is sqlite.DAMAGED
            else meaning.next_with("run the same command again"),
        ) from problem


def _planned(row: tuple[Any, ...]) -> PlannedImage:
    _, _, key, target_key, _, source_path, source_size, source_sha256, path, size, sha256, integrity, _, modified = row
    return PlannedImage(
        key, target_key, source_path, source_size, source_sha256, path, size, sha256, integrity, modified
    )


def _skipped(row: tuple[Any, ...]) -> SkippedImage:
    return SkippedImage(row[2], row[3], row[5], FindingCode(row[12]), row[6], row[13], row[7])
