"""What a plan says, as values: its header, its patients with their images, its changes, and how much it all is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import add

import msgspec

from engine.model import PatientRecord
from engine.target.keys import Keys
from protocol.vocabulary import FindingCode


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
