"""The clinical record as values. Both profiles speak of it; no vendor's word appears here.

A `PatientRecord` is the unit of work: one patient and everything that belongs to that patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from engine.orientation import Orientation
from engine.teeth import Tooth


class Sex(StrEnum):
    """As recorded by the source."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class Category(StrEnum):
    """What kind of picture the practice filed an image as. The record keeps it even where pixels disagree."""

    INTRAORAL_XRAY = "intraoral-xray"
    PANORAMIC = "panoramic"
    CEPHALOGRAM = "cephalogram"
    INTRAORAL_PHOTO = "intraoral-photo"
    EXTRAORAL_PHOTO = "extraoral-photo"

    @property
    def is_photo(self) -> bool:
        return self in (Category.INTRAORAL_PHOTO, Category.EXTRAORAL_PHOTO)


@dataclass(frozen=True, slots=True)
class Patient:
    """Who the images belong to. `chart_number` is what Dentrix Smart Image matches on, leading zeros and all."""

    key: str
    family_name: str
    given_name: str
    middle_name: str | None
    sex: Sex | None
    birth_date: date | None
    chart_number: str | None


@dataclass(frozen=True, slots=True)
class Study:
    """One visit."""

    key: str
    patient_key: str
    uid: str
    name: str | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Series:
    """Images of one visit that belong together."""

    key: str
    study_key: str
    patient_key: str
    uid: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """What took the image."""

    key: str
    manufacturer: str | None
    model: str | None
    serial_number: str | None


@dataclass(frozen=True, slots=True)
class Image:
    """One image's record. `file` is its path below the source store, forward slashes, as the profile resolves it."""

    key: str
    series_key: str
    patient_key: str
    uid: str
    file: str
    acquired_at: datetime | None
    category: Category
    orientation: Orientation
    teeth: tuple[Tooth, ...]
    device_key: str | None
    number: int


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """One patient with everything that belongs to the patient; tuples are in the source's key order."""

    patient: Patient
    studies: tuple[Study, ...]
    series: tuple[Series, ...]
    images: tuple[Image, ...]
    devices: tuple[Device, ...]
