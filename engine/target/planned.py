"""What the plan alone says of a patient's rows and files, without reading a single picture."""

from __future__ import annotations

from dataclasses import dataclass

from engine.plan.values import PlannedPatient
from engine.profiles.schema import TargetProfile
from engine.target.failures import Failure, Kind
from engine.target.files import PlannedFile
from engine.target.keys import Keys, Made
from engine.target.made import in_keys, with_made
from engine.target.rows import Row, map_record, rows_digest
from engine.target.scope import ImageFacts


def planned_rows(patient: PlannedPatient, profile: TargetProfile) -> tuple[Row, ...]:
    """The rows a patient becomes. Raises Failure if they are not those the dry run predicted."""
    facts = {image.source_key: ImageFacts(image.path, bytes.fromhex(image.integrity)) for image in patient.images}
    rows = map_record(patient.record, patient.keys, facts, profile).rows
    if rows_digest(rows) != patient.rows_digest:
        raise Failure(Kind.PERMANENT, "the rows are not those the dry run predicted")
    return rows


@dataclass(frozen=True, slots=True)
class Standing:
    """A patient that stands in the target, under planned keys and under those that the database made."""

    patient: PlannedPatient
    made: Made

    @property
    def keys(self) -> Keys:
        return in_keys(self.patient.keys, self.made)

    def rows(self, profile: TargetProfile) -> tuple[Row, ...]:
        """The rows as they were inserted. Raises Failure if they are not those the dry run predicted."""
        return with_made(planned_rows(self.patient, profile), profile, self.made)


def planned_files(patient: PlannedPatient) -> tuple[PlannedFile, ...]:
    """The files a patient becomes."""
    return tuple(PlannedFile(image.path, image.sha256) for image in patient.images)
