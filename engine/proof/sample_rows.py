"""A genuine target row, read back through the target profile into the clinical record it must have come from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.model import Category, Device, Image, Patient, PatientRecord, Series, Sex, Study
from engine.orientation import Orientation, OrientationNotation
from engine.profiles.schema import TargetProfile
from engine.source import values
from engine.source.values import Row, Unreadable
from engine.target.keys import Keys
from engine.target.scope import RecordScopes, Scope
from engine.teeth import TeethNotation, Tooth
from protocol.vocabulary import FindingCode

_DEVICE = "device"
_KEYED = ("patient", "study", "series", "image")


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One image of a genuine target: its key and record, and the scope in which expressions speak of it."""

    key: int
    image: Image
    scope: Scope


class SampleRows:
    """Reads rows of a target profile's look-up."""

    def __init__(self, profile: TargetProfile) -> None:
        self._profile = profile
        self._words = {name: {str(code): word for word, code in codes.items()} for name, codes in profile.codes.items()}
        self._teeth = TeethNotation(profile.teeth.notation, profile.teeth.separator, profile.teeth.prefix)
        rules = profile.orientation
        self._orientation = OrientationNotation(rules.unit, rules.mirror, rules.order)
        self._settings = _pattern(rules.template or "{rotation}")

    def read(self, row: Row) -> SampleRow:
        """Raises Unreadable where the profile has no reading for a value, or would write it differently."""
        image = self._image(row)
        scope = RecordScopes(self._record(row, image), _keys(row), self._profile).image(image)
        _require_same(row, "teeth", scope.functions["teeth"](image.teeth))
        _require_same(row, "settings", scope.functions["orientation"](image.orientation))
        return SampleRow(values.integer(row, "image_key"), image, scope)

    def _image(self, row: Row) -> Image:
        return Image(
            key=values.key(row, "image_key"),
            series_key=values.key(row, "series_key"),
            patient_key=values.key(row, "patient_key"),
            uid=values.needed_text(row, "uid"),
            file="",
            acquired_at=values.optional_moment(row, "acquired_at"),
            category=Category(values.code(row, "category", self._words["category"])),
            orientation=self._turned(row),
            teeth=self._named_teeth(row),
            device_key=_DEVICE,
            number=values.integer(row, "number"),
        )

    def _record(self, row: Row, image: Image) -> PatientRecord:
        patient = Patient(
            key=image.patient_key,
            family_name=values.text(row, "family_name"),
            given_name=values.text(row, "given_name"),
            middle_name=values.optional_text(row, "middle_name"),
            sex=None if row["sex"] is None else Sex(values.code(row, "sex", self._words["sex"])),
            birth_date=values.optional_day(row, "birth_date"),
            chart_number=values.optional_text(row, "chart_number"),
        )
        study_key, study_name = values.key(row, "study_key"), values.optional_text(row, "study_name")
        study = Study(study_key, patient.key, "", study_name, values.optional_moment(row, "started_at"))
        series = Series(image.series_key, study_key, patient.key, "", values.optional_text(row, "series_name"))
        device = Device(
            _DEVICE, *(values.optional_text(row, name) for name in ("manufacturer", "model", "serial_number"))
        )
        return PatientRecord(patient, (study,), (series,), (image,), (device,))

    def _turned(self, row: Row) -> Orientation:
        text = values.text(row, "settings")
        found = self._settings.fullmatch(text)
        if found is None:
            raise Unreadable(FindingCode.SAMPLE_UNEXPLAINED, f"settings {text!r} do not fit the template")
        said = {"rotation": "0", "mirrored": "0", **found.groupdict()}
        try:
            return self._orientation.read(int(said["rotation"]), said["mirrored"] == "1")
        except ValueError as problem:
            raise Unreadable(FindingCode.SAMPLE_UNEXPLAINED, f"settings {text!r}: {problem}") from problem

    def _named_teeth(self, row: Row) -> tuple[Tooth, ...]:
        try:
            return self._teeth.read(values.optional_text(row, "teeth"))
        except ValueError as problem:
            raise Unreadable(FindingCode.SAMPLE_UNEXPLAINED, str(problem)) from problem


def _pattern(template: str) -> re.Pattern[str]:
    text = re.escape(template)
    for name, form in (("rotation", r"-?\d{1,6}"), ("mirrored", "[01]")):
        text = text.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{form})", 1)
    return re.compile(text)


def _keys(row: Row) -> Keys:
    parts = ({values.key(row, f"{name}_key"): values.integer(row, f"{name}_key")} for name in _KEYED)
    return Keys(*parts)


def _require_same(row: Row, column: str, written: object) -> None:
    if written != row[column]:
        raise Unreadable(FindingCode.SAMPLE_UNEXPLAINED, f"{column} {row[column]!r} would be written as {written!r}")
