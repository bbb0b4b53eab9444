"""What the demo practice consists of, as values: every row and file, before any is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from demo.people import Person
from demo.photographs import Photograph
from demo.radiographs import Radiograph

Picture = Radiograph | Photograph


@dataclass(frozen=True, slots=True)
class Device:
    """What took the images."""

    key: int
    manufacturer: str
    model: str
    serial_number: str


@dataclass(frozen=True, slots=True)
class Medium:
    """One row of `media`, and the file it names. `picture` is None for what is not an image."""

    key: int
    series_key: int
    kind: str
    uid: str
    file: str
    category: str | None
    acquired_at: datetime | None
    number: int
    rotation: int
    mirrored: bool
    teeth: str | None
    deleted: bool
    encoding: str
    picture: Picture | None
    fate: str = "kept"  # kept | missing | empty


@dataclass(frozen=True, slots=True)
class Series:
    """Images of one visit taken with one device."""

    key: int
    uid: str
    name: str | None
    device: Device | None
    media: tuple[Medium, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """One visit of one person."""

    key: int
    uid: str
    name: str | None
    started_at: datetime
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something drawn over an image."""

    key: int
    medium_key: int
    kind: str
    geometry: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole practice; `studies` runs beside `people`."""

    people: tuple[Person, ...]
    studies: tuple[tuple[Study, ...], ...]
    devices: tuple[Device, ...]
    annotations: tuple[Annotation, ...]

    @property
    def media(self) -> Iterator[tuple[Person, Study, Series, Medium]]:
        for person, studies in zip(self.people, self.studies, strict=True):
            for study in studies:
                for series in study.series:
                    for medium in series.media:
                        yield person, study, series, medium

    @property
    def images(self) -> tuple[Medium, ...]:
        """Images that DEXIS 11 shows: not deleted, of a person who is not."""
        return tuple(
            medium for person, _, _, medium in self.media if medium.picture and not (medium.deleted or person.deleted)
        )

    def identifiers(self) -> set[str]:
        """Every identifying value planted in the practice, as text."""
        found = {value for person in self.people for value in person.identifiers}
        found |= {device.serial_number for device in self.devices}
        found |= self._telling_names()
        for _, study, series, medium in self.media:
            found |= {study.uid, series.uid, medium.uid, medium.file, f"{study.uid}/{medium.file}"}
            found |= {moment.isoformat(" ") for moment in (study.started_at, medium.acquired_at) if moment}
        return found

    def _telling_names(self) -> set[str]:
        """Names of visits that name their patient."""
        pairs = zip(self.people, self.studies, strict=True)
        names = {(person.family_name, study.name) for person, studies in pairs for study in studies}
        return {name for family, name in names if name and family in name}
