"""The digests that name a patient's plan and a whole plan: equal digests mean that the same is planned."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from engine.plan.values import PlanHeader, PlannedPatient


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
