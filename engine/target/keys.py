"""Keys of the new rows: the next integers above a baseline, in the source's order, so they never depend on luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.model import PatientRecord

Made = Mapping[str, Mapping[int, int]]  # entity, to the plan's number, to the key that the database made
ENTITIES: Final = ("patient", "study", "series", "image")


@dataclass(frozen=True, slots=True)
class Keys:
    """The planned keys of one patient: source key to target key, entity by entity."""

    patient: Mapping[str, int]
    study: Mapping[str, int]
    series: Mapping[str, int]
    image: Mapping[str, int]

    def of(self, entity: str) -> Mapping[str, int]:
        """The keys of one of ENTITIES."""
        return {"patient": self.patient, "study": self.study, "series": self.series, "image": self.image}[entity]


NO_KEYS: Final = Keys({}, {}, {}, {})  # of a change in which nobody comes


class Allotment:
    """Hands out keys, patient after patient. `baseline` is the largest key in use per entity when planning began."""

    def __init__(self, baseline: Mapping[str, int]) -> None:
        self._last = {entity: baseline[entity] for entity in ENTITIES}

    def allot(self, record: PatientRecord) -> Keys:
        """Keys for everything in `record`. An image that is not converted in the end leaves a gap, never a shift."""
        return Keys(
            self._next("patient", (record.patient.key,)),
            self._next("study", tuple(study.key for study in record.studies)),
            self._next("series", tuple(series.key for series in record.series)),
            self._next("image", tuple(image.key for image in record.images)),
        )

    def _next(self, entity: str, source_keys: tuple[str, ...]) -> dict[str, int]:
        first = self._last[entity] + 1
        self._last[entity] += len(source_keys)
        return {key: first + position for position, key in enumerate(source_keys)}
