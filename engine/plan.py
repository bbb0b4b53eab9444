"""plan.sqlite: what the dry run found and the conversion must reproduce, patient by patient. Holds PHI."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.model import PatientRecord
from engine.target.keys import Keys
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import FindingCode, Refusal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """What a plan belongs to. `baseline` is the largest key in use per entity when planning began.

    `annotations` are counted, and carried in a later pass.
    """

    run: str
    source_profile: str
    target_profile: str
    baseline: Mapping[str, int]
    annotations: int


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One image: where it comes from, and the exact file it becomes. Digests are SHA-256; `integrity` is hex too."""

    source_key: str
    target_key: int
    source_path: str
    source_size: int
    source_sha256: str
    path: str
    size: int
    sha256: str
    integrity: str


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """One image that is declared and not converted, and the finding that says why."""

    source_key: str
    target_key: int
    source_path: str
    code: FindingCode


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
            digest.update(f"\n{skipped.source_key} {skipped.code}".encode())
        return digest.hexdigest()


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
        return PlanTotals(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


class PlanDigest:
    """SHA-256 over everything a plan decides: patients in their order, their sources, rows, keys, paths and files."""

    def __init__(self, header: PlanHeader) -> None:
        self._hash = hashlib.sha256(msgspec.json.encode(header, order="sorted"))

    def add(self, patient: PlannedPatient) -> None:
        """The next patient."""
        keys = msgspec.json.encode(patient.keys, order="sorted").decode()
        self._hash.update(f"{patient.number} {patient.source_digest} {patient.rows_digest} {keys}\n".encode())
        for image in patient.images:
            self._hash.update(f"{image.target_key} {image.path} {image.size} {image.sha256}\n".encode())

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
        for number in sorted(self.numbers()):
            digest.add(self.patient(number))
        if digest.hexdigest() != self.digest:
            raise Refused(
                Refusal.EVIDENCE_NOT_NEWEST,
                "the plan was changed after the dry run made it",
                where=self._path.name,
                next_step="run dry-run again",
            )

    def numbers(self) -> list[int]:
        """The patients' numbers, those with most bytes first."""
        with damage_explained(self._path):
            rows = self._database.execute("SELECT number FROM patient ORDER BY bytes DESC, number").fetchall()
        return [number for (number,) in rows]

    def totals_of(self, numbers: Collection[int]) -> PlanTotals:
        """How much is planned for these patients."""
        wanted, total = frozenset(numbers), PlanTotals()
        query = "SELECT number, 1, studies, series, images, skipped, bytes, rows FROM patient"
        with damage_explained(self._path):
            for number, *counts in self._database.execute(query):
                if number in wanted:
                    total += PlanTotals(*counts)
        return total

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
                tuple(SkippedImage(row[2], row[3], row[5], FindingCode(row[12])) for row in images if row[12]),
                rows,
                rows_digest,
            )

    def close(self) -> None:
        self._database.close()

    def _get(self, name: str, kind: type[T]) -> T:
        ((text,),) = self._database.execute("SELECT value FROM header WHERE name = ?", (name,)).fetchall()
        return msgspec.json.decode(text, type=kind)


@contextmanager
def damage_explained(path: Path) -> Iterator[None]:
    """Translates what a damaged or unusable file makes SQLite say."""
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError, ValueError, TypeError) as problem:
        raise EnvironmentProblem(
            f"the plan cannot be used ({type(problem).__name__})", where=path.name, next_step="run dry-run again"
        ) from problem


def _planned(row: tuple[Any, ...]) -> PlannedImage:
    _, _, key, target_key, _, source_path, source_size, source_sha256, path, size, sha256, integrity, _ = row
    return PlannedImage(key, target_key, source_path, source_size, source_sha256, path, size, sha256, integrity)
