"""What a phase tells the outside while it runs. Local: a `Finding` may hold patient data; the boundary decides."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from protocol.statements import SignedEvidence
from protocol.vocabulary import FindingCode, Outcome, Phase


class Finding(msgspec.Struct, frozen=True, tag="finding", tag_field="event"):
    """One thing found. `patient`, `image` and `place` identify it for the practice's eyes; `detail` is a sentence."""

    phase: Phase
    code: FindingCode
    patient: str | None = None
    image: str | None = None
    place: str | None = None
    detail: str | None = None


class PhaseStarted(msgspec.Struct, frozen=True, tag="phase-started", tag_field="event"):
    """A phase began."""

    phase: Phase


class Doing(StrEnum):
    """What a phase is at before its first image and after its last one. People read it as it stands here."""

    TARGET = "looking over the target"
    DOUBLES = "looking for doubles"
    STANDING = "checking what is converted"
    ARRIVALS = "looking for late arrivals"
    SOURCE = "checking the source again"
    ROWS_AND_FILES = "listing rows and files"
    LEFTOVERS = "looking for leftovers"


class Progress(msgspec.Struct, frozen=True, tag="progress", tag_field="event"):
    """How far a phase is. Rates are images per second; times left are seconds, as a range; None while unknown.

    `rows_done` and `files_done`: rows of staging read and files of the store listed, where no images are counted.
    `doing`: what goes on while no image passes.
    """

    phase: Phase
    patients_done: int
    patients_total: int
    images_done: int
    images_total: int
    bytes_done: int
    images_per_second: float | None
    seconds_left_low: float | None
    seconds_left_high: float | None
    paused: bool = False
    rows_done: int = 0
    files_done: int = 0
    doing: Doing | None = None


class FindingsCounted(msgspec.Struct, frozen=True, tag="findings-counted", tag_field="event"):
    """How often each code was found so far in this phase."""

    phase: Phase
    counts: dict[FindingCode, int]


class EvidenceProduced(msgspec.Struct, frozen=True, tag="evidence-produced", tag_field="event"):
    """Signed evidence now stands in the ledger."""

    evidence: SignedEvidence


class PhaseEnded(msgspec.Struct, frozen=True, tag="phase-ended", tag_field="event"):
    """A phase ended; `seconds` is wall time. `resumes_at` (UTC seconds): when it may go on by itself, if it may."""

    phase: Phase
    outcome: Outcome
    seconds: float
    resumes_at: int | None = None


Event = PhaseStarted | Progress | FindingsCounted | EvidenceProduced | PhaseEnded
