"""Reads whole patients out of staging: the entity queries stream side by side, in the patients' order.

Memory holds twelve bytes for each patient, the devices and one patient, however many images there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from engine.events import Finding
from engine.model import Device, Image, PatientRecord, Series, Study
from engine.profiles.schema import SourceProfile
from engine.source import records
from engine.source.database import SourceDatabase
from engine.source.ranks import NotAKey, Ranks
from engine.source.records import RecordReader
from engine.source.values import Row, Unreadable, optional_key
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import FindingCode, Phase

OnFinding = Callable[[Finding], None]

_CHILDREN: Final = ("study", "series", "image")


def read_patients(
    database: SourceDatabase, profile: SourceProfile, on_finding: OnFinding, *, phase: Phase = Phase.DRY_RUN
) -> Iterator[PatientRecord]:
    """Every patient that can be read, in the source's key order.

    What cannot be read is told to `on_finding` and left out, never defaulted: each image left out makes exactly one
    finding with `image` set. A patient whose own, study or series row is not understood is left out whole.
    Raises EnvironmentProblem if a query does not keep the patients' order or gives one patient twice.
    """
    return _PatientReader(database, profile, on_finding, phase).records()


class _PatientReader:
    def __init__(self, database: SourceDatabase, profile: SourceProfile, on_finding: OnFinding, phase: Phase) -> None:
        self._database, self._profile = database, profile
        self._on_finding, self._phase = on_finding, phase
        self._make = RecordReader(profile)
        self._devices: Mapping[str, Device] = {}

    def records(self) -> Iterator[PatientRecord]:
        ranks = self._ranks()
        self._devices = self._all_devices()
        children = [_Children(name, self._rows(name), ranks, self._orphan) for name in _CHILDREN]
        for rank, row in enumerate(self._rows("patient")):
            patient = str(row["key"])
            studies, series, images = (stream.of(patient, rank) for stream in children)
            record = self._record(row, studies, series, images)
            if record is not None:
                yield record
        for stream in children:
            stream.end()

    def _rows(self, entity: str) -> Iterator[Row]:
        return self._database.rows(self._profile.entities[entity].query)

    def _ranks(self) -> Ranks:
        """Each patient's place in the database's own order, so that no order has to be imitated here."""
        try:
            return Ranks(optional_key(row, "key") for row in self._rows("patient"))
        except NotAKey as problem:
            raise _badly_ordered("patient", "gives a patient twice, or without a key") from problem

    def _all_devices(self) -> Mapping[str, Device]:
        devices: dict[str, Device] = {}
        for row in self._rows("device"):
            try:
                devices[str(row["key"])] = records.device(row)
            except Unreadable as problem:
                self._found(problem, None, None)
        return devices

    def _record(
        self, row: Row, study_rows: Sequence[Row], series_rows: Sequence[Row], image_rows: Sequence[Row]
    ) -> PatientRecord | None:
        try:
            patient = self._make.patient(row)
            studies = tuple(map(self._make.study, study_rows))
            series = _of_studies(tuple(map(records.series, series_rows)), studies)
        except Unreadable as problem:
            self._left_out_whole(str(row["key"]), image_rows, problem)
            return None
        series_keys = {one.key for one in series}
        images = tuple(chain.from_iterable(self._image(row, series_keys) for row in image_rows))
        return PatientRecord(patient, studies, series, images, self._used_devices(images))

    def _image(self, row: Row, series_keys: set[str]) -> tuple[Image, ...]:
        """The image of a row, or none and a finding."""
        try:
            if optional_key(row, "series_key") not in series_keys:
                raise Unreadable(FindingCode.ORPHAN_ROW, "its series is not there")
            return (self._make.image(row),)
        except Unreadable as problem:
            self._found(problem, str(row["patient_key"]), row)
            return ()

    def _used_devices(self, images: Sequence[Image]) -> tuple[Device, ...]:
        used = {image.device_key for image in images if image.device_key in self._devices}
        return tuple(self._devices[name] for name in self._devices if name in used)

    def _left_out_whole(self, patient: str, image_rows: Sequence[Row], problem: Unreadable) -> None:
        self._found(problem, patient, None)
        for row in image_rows:
            self._found(Unreadable(problem.code, f"its patient is left out: {problem.detail}"), patient, row)

    def _orphan(self, entity: str, row: Row) -> None:
        what = f"{entity} {row['key']} belongs to no patient"
        self._found(Unreadable(FindingCode.ORPHAN_ROW, what), None, row if entity == "image" else None)

    def _found(self, problem: Unreadable, patient: str | None, image: Row | None) -> None:
        name = None if image is None else str(image["key"])
        place = None if image is None or image.get("file") is None else str(image["file"])
        self._on_finding(Finding(self._phase, problem.code, patient, name, place, problem.detail))


def _of_studies(series: tuple[Series, ...], studies: tuple[Study, ...]) -> tuple[Series, ...]:
    """The series, if each belongs to one of the patient's studies."""
    known = {study.key for study in studies}
    for one in series:
        if one.study_key not in known:
            raise Unreadable(FindingCode.ORPHAN_ROW, f"series {one.key} belongs to no study of its patient")
    return series


class _Children:
    """One entity's rows, handed out patient by patient. Rows of nobody are reported as they come by."""

    def __init__(self, entity: str, rows: Iterator[Row], ranks: Ranks, on_orphan: Callable[[str, Row], None]) -> None:
        self._entity, self._rows, self._ranks, self._on_orphan = entity, rows, ranks, on_orphan
        self._next = next(rows, None)

    def of(self, patient: str, rank: int) -> list[Row]:
        """The rows of `patient`, whose place is `rank`; patients must be asked for in their order. A row that comes
        too late raises, so after the last patient no row can be left."""
        found = list[Row]()
        while self._next is not None:
            name = optional_key(self._next, "patient_key")
            if name == patient:
                found.append(self._next)
            elif self._is_anothers(name, rank):
                break
            else:
                self._on_orphan(self._entity, self._next)
            self._next = next(self._rows, None)
        return found

    def end(self) -> None:
        """After the last patient: what is left is nobody's."""
        while self._next is not None:
            self._on_orphan(self._entity, self._next)
            self._next = next(self._rows, None)

    def _is_anothers(self, patient: str | None, rank: int) -> bool:
        """Whether the row belongs to a patient who comes later, or else to nobody."""
        its_rank = None if patient is None else self._ranks.of(patient)
        if its_rank is not None and its_rank < rank:
            raise _badly_ordered(self._entity, "does not keep the patients' order")
        return its_rank is not None and its_rank > rank


def _badly_ordered(entity: str, what: str) -> EnvironmentProblem:
    advice = "correct the query in the source profile: ORDER BY the patient's key, one row for each"
    return EnvironmentProblem(f"the query of {entity} {what}", next_step=advice)
