"""One row of an entity's query as a value of the clinical record, as the profile says."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from engine.model import Category, Device, Image, Patient, Series, Sex, Study
from engine.orientation import Orientation, OrientationNotation
from engine.profiles.schema import SourceProfile
from engine.source import values
from engine.source.dates import Dates
from engine.source.paths import PathTemplate
from engine.source.values import Row, Unreadable
from engine.teeth import TeethNotation, Tooth
from protocol.vocabulary import FindingCode

_REMEMBERED: Final = 1_024  # different notations of teeth, and of an orientation: most rows repeat a few


def device(row: Row) -> Device:
    return Device(
        key=values.key(row, "key"),
        manufacturer=values.optional_text(row, "manufacturer"),
        model=values.optional_text(row, "model"),
        serial_number=values.optional_text(row, "serial_number"),
    )


def series(row: Row) -> Series:
    return Series(
        key=values.key(row, "key"),
        study_key=values.key(row, "study_key"),
        patient_key=values.key(row, "patient_key"),
        uid=values.text(row, "uid"),
        name=values.optional_text(row, "name"),
    )


class RecordReader:
    """Makes records of rows in one source's notations. Every method raises Unreadable."""

    def __init__(self, profile: SourceProfile) -> None:
        self._codes, self._path = profile.codes, PathTemplate(profile.files.resolve)
        self._dates = Dates(profile.values)
        teeth, turns = profile.teeth, profile.orientation
        remembered = lru_cache(_REMEMBERED)
        self._read_teeth = remembered(TeethNotation(teeth.notation, teeth.separator, teeth.prefix).read)
        self._read_turns = remembered(OrientationNotation(turns.unit, turns.mirror, turns.order).read)

    def patient(self, row: Row) -> Patient:
        return Patient(
            key=values.key(row, "key"),
            family_name=values.text(row, "family_name"),
            given_name=values.text(row, "given_name"),
            middle_name=values.optional_text(row, "middle_name"),
            sex=None if row["sex"] is None else Sex(values.code(row, "sex", self._codes["sex"])),
            birth_date=values.optional_day(row, "birth_date", self._dates),
            chart_number=values.optional_text(row, "chart_number"),
        )

    def study(self, row: Row) -> Study:
        return Study(
            key=values.key(row, "key"),
            patient_key=values.key(row, "patient_key"),
            uid=values.text(row, "uid"),
            name=values.optional_text(row, "name"),
            started_at=values.optional_moment(row, "started_at", self._dates),
        )

    def image(self, row: Row) -> Image:
        return Image(
            key=values.key(row, "key"),
            series_key=values.key(row, "series_key"),
            patient_key=values.key(row, "patient_key"),
            uid=values.needed_text(row, "uid"),
            file=self.file(row),
            acquired_at=values.optional_moment(row, "acquired_at", self._dates),
            category=Category(values.code(row, "category", self._codes["category"])),
            orientation=self._turned(row),
            teeth=self._named_teeth(row),
            device_key=values.optional_key(row, "device_key"),
            number=values.integer(row, "number"),
        )

    def file(self, row: Row) -> str:
        """The path below the store that a row names, with forward slashes however the source wrote it."""
        return self._path.path(row)

    def _turned(self, row: Row) -> Orientation:
        rotation, mirrored = values.integer(row, "rotation"), values.flag(row, "mirrored")
        try:
            return self._read_turns(rotation, mirrored)
        except ValueError as problem:
            raise Unreadable(FindingCode.UNKNOWN_CODE, f"rotation {rotation} is not understood") from problem

    def _named_teeth(self, row: Row) -> tuple[Tooth, ...]:
        written = values.optional_text(row, "teeth")
        try:
            return self._read_teeth(written)
        except ValueError as problem:
            raise Unreadable(FindingCode.UNKNOWN_CODE, f"teeth {written!r} are not understood") from problem
