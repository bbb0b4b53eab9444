"""What the expressions of a target profile may speak of: one patient's record, its planned keys, one image's facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from engine.model import Image, PatientRecord, Study
from engine.orientation import Orientation, OrientationNotation
from engine.profiles.expressions import ENTITY_NAMES
from engine.profiles.schema import TargetProfile
from engine.target.keys import Keys
from engine.teeth import TeethNotation, Tooth

Names = Mapping[str, object]
Functions = Mapping[str, Callable[..., object]]

_NO_DEVICE: Names = {f"device.{field}": None for field in ENTITY_NAMES["device"]}


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of an image only once its target file is: the path below the store and the integrity hash."""

    path: str
    integrity: bytes


@dataclass(frozen=True, slots=True)
class Scope:
    """Names and functions for one entity. `image` is the source key of the image it is about, if any."""

    names: Names
    functions: Functions
    image: str | None = None

    def with_facts(self, facts: ImageFacts) -> Scope:
        """The same scope, for an image whose file is known."""
        known = {"path": lambda: facts.path, "integrity": lambda: facts.integrity}
        return Scope(self.names, {**self.functions, **known}, self.image)

    def with_integrity(self, integrity: bytes) -> Scope:
        """The same scope, for an image whose integrity hash is known and whose file is being made."""
        return Scope(self.names, {**self.functions, "integrity": lambda: integrity}, self.image)


class RecordScopes:
    """The scopes of one patient's record, entity by entity, in the source's order."""

    def __init__(self, record: PatientRecord, keys: Keys, profile: TargetProfile) -> None:
        self._record, self._keys = record, keys
        self._vocabulary = _vocabulary(profile)
        self._patient = _names("patient", record.patient)
        self._studies = {study.key: _names("study", study) for study in record.studies}
        self._series = {series.key: series for series in record.series}
        self._devices = {device.key: _names("device", device) for device in record.devices}

    def of(self, entity: str) -> Iterator[Scope]:
        """The scopes of every `patient`, `study`, `series` or `image` of the record."""
        match entity:
            case "patient":
                yield self._scope(self._patient, {})
            case "study":
                yield from (self.study(study) for study in self._record.studies)
            case "series":
                yield from (self._series_scope(key) for key in self._series)
            case "image":
                yield from (self.image(image) for image in self._record.images)

    def study(self, study: Study) -> Scope:
        return self._scope({**self._patient, **self._studies[study.key]}, {"study": study.key})

    def image(self, image: Image) -> Scope:
        """The scope of one image; its path and integrity hash are not known yet."""
        series = self._series[image.series_key]
        device = self._devices.get(image.device_key, _NO_DEVICE) if image.device_key else _NO_DEVICE
        parents = {**self._patient, **self._studies[series.study_key], **_names("series", series)}
        own = {"study": series.study_key, "series": series.key, "image": image.key}
        return self._scope({**parents, **device, **_names("image", image)}, own, image.key)

    def _series_scope(self, key: str) -> Scope:
        series = self._series[key]
        names = {**self._patient, **self._studies[series.study_key], **_names("series", series)}
        return self._scope(names, {"study": series.study_key, "series": key})

    def _scope(self, names: Names, own: Mapping[str, str], image: str | None = None) -> Scope:
        own = {"patient": self._record.patient.key, **own}

        def key(entity: str) -> int:
            return self._keys.of(entity)[own[entity]]

        return Scope(names, {**self._vocabulary, "key": key, "person": self._person}, image)

    def _person(self) -> str:
        return f"{self._record.patient.family_name}^{self._record.patient.given_name}"


def _names(entity: str, value: object) -> dict[str, object]:
    return {f"{entity}.{field.name}": getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]


def _vocabulary(profile: TargetProfile) -> Functions:
    """The functions that translate into the target's own words."""
    teeth = TeethNotation(profile.teeth.notation, profile.teeth.separator, profile.teeth.prefix)
    rules = profile.orientation
    orientation = OrientationNotation(rules.unit, rules.mirror, rules.order)

    def code(codes: str, value: Any) -> int | str | None:
        return None if value is None else profile.codes[codes][str(value)]

    def written_teeth(value: tuple[Tooth, ...]) -> str | None:
        return teeth.write(value)

    def written_orientation(value: Orientation) -> str:
        rotation, mirrored = orientation.write(value)
        return (rules.template or "{rotation}").format(rotation=rotation, mirrored=int(mirrored))

    return {"code": code, "teeth": written_teeth, "orientation": written_orientation}
