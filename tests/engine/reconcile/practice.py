"""A practice small enough to read, and the target it should become, written by code of these files alone.

Rows and files stay in dictionaries until `write`: a test spoils one of them and asks what the reconciler says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.orientation import OrientationNotation
from engine.profiles.load import load_source, load_target
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.reconcile.judgement import Discrepancy
from engine.reconcile.scan import Listener, Places, Reconciliation, reconcile
from protocol.vocabulary import FindingCode
from tests.engine.reconcile.shots import Row, Shot, dicom, grey, shots, target_file
from tests.engine.reconcile.tables import SOURCE_TABLES, TARGET_TABLES, write_database

KEY = bytes(range(32))
SOURCE_VIEW = OrientationNotation("degrees-clockwise", "horizontal", "rotate-then-mirror")
TARGET_VIEW = OrientationNotation("quarter-turns-counterclockwise", "vertical", "mirror-then-rotate")
CATEGORIES = {"INTRAORAL": 1, "PANORAMIC": 2, "CEPHALOGRAM": 3, "PICTURE_INTRAORAL": 4, "PICTURE_EXTRAORAL": 5}
PEOPLE = (
    {
        "id": 3,
        "family_name": "Müller",
        "given_name": "Anna",
        "middle_name": "K",
        "sex": "F",
        "practice_pms_id": "000123",
    },
    {"id": 5, "family_name": "Иванов", "given_name": "Пётр", "middle_name": None, "sex": "M", "practice_pms_id": "7"},
    {"id": 8, "family_name": "Nobody", "given_name": "Bare", "middle_name": None, "sex": None, "practice_pms_id": None},
)


@dataclass
class Practice:
    """Rows by table and files by path, of the source and of the target that it should become."""

    source: dict[str, list[Row]] = field(default_factory=dict)
    source_files: dict[str, bytes] = field(default_factory=dict)
    target: dict[str, list[Row]] = field(default_factory=dict)
    target_files: dict[str, bytes] = field(default_factory=dict)

    def row(self, table: str, key: int) -> Row:
        """The target row whose first column is `key`."""
        return next(row for row in self.target[table] if next(iter(row.values())) == key)

    def remove(self, table: str, key: int) -> None:
        self.target[table].remove(self.row(table, key))

    def path(self, visual: int) -> str:
        return next(path for path in self.target_files if f"{visual:08x}" in path)

    def write(self, folder: Path, urls: tuple[str, str] | None = None) -> Places:
        """Both databases and stores below `folder`; databases at `urls` (source, target) if given."""
        (folder / "job").mkdir(parents=True)
        urls = urls or (f"sqlite:///{folder}/source.db", f"sqlite:///{folder}/target.db")
        for url, tables, profile in zip(urls, (self.source, self.target), (SOURCE_TABLES, TARGET_TABLES), strict=True):
            write_database(url, tables, profile)
        for store, files in (("old", self.source_files), ("new", self.target_files)):
            (folder / store).mkdir()
            for path, data in files.items():
                (folder / store / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / store / path).write_bytes(data)
        return Places(urls[0], (folder / "old",), urls[1], folder / "new", folder / "job")


@dataclass
class Verdict:
    """What the reconciler said."""

    result: Reconciliation
    found: list[tuple[str | None, Discrepancy]]

    @property
    def codes(self) -> set[FindingCode]:
        return {item.code for _, item in self.found}

    @property
    def digests(self) -> tuple[str, str, str]:
        return self.result.digests.source, self.result.digests.database, self.result.digests.disk


def judged(places: Places, workers: int = 1) -> Verdict:
    found: list[tuple[str | None, Discrepancy]] = []
    listener = Listener(
        total=lambda patients, images: None,
        doing=lambda what: None,
        found=lambda patient, item: found.append((patient, item)),
        done=lambda images, size: None,
        checkpoint=lambda: None,
    )
    return Verdict(reconcile(places, *_profiles(), KEY, workers, listener), found)


@cache
def _profiles() -> tuple[SourceProfile, TargetProfile]:
    return load_source("dexis11"), load_target("dexis10")


def practice() -> Practice:
    """Three patients with six good images; one image each missing, empty, cut short, multi-frame, deleted, a volume."""
    made = Practice()
    _write_people(made)
    for shot in shots():
        _source_image(made, shot.key, shot.patient, shot.file, shot.data, shot)
        _target_image(made, shot)
    _write_wanting(made)
    return made


def _write_people(made: Practice) -> None:
    made.source = {name: [] for name in SOURCE_TABLES}
    made.target = {name: [] for name in TARGET_TABLES}
    made.source["core_info"] = [{"name": "version", "value": "11.2"}]
    made.source["device"] = [{"id": 1, "manufacturer": "Dexis", "model": "Platinum", "serial_number": "007"}]
    for person in (*PEOPLE, {**PEOPLE[0], "id": 9, "family_name": "Gone", "practice_pms_id": "99"}):
        deleted = int(person["id"] == 9)
        made.source["patient"].append({**person, "dob": date(1960, 2, int(str(person["id"]))), "deleted": deleted})
    for number, person in enumerate(PEOPLE):
        _write_visit(made, person, 900 + number, is_bare=person["id"] == 8)


def _write_visit(made: Practice, person: Row, key: int, *, is_bare: bool) -> None:
    patient, started = person["id"], datetime.fromisoformat("2019-03-04T10:00:00.250000")
    name = "Recall" if patient == 3 else None
    study = {"id": patient, "patient_id": patient, "study_instance_uid": f"1.9.{patient}", "description": name}
    made.source["study"].append({**study, "study_date_time": started})
    made.target["Person"].append({"PersonID": key, "SSN": None, "Removed": 0})
    made.target["PersonName"].append(
        {
            "PersonID": key,
            "TypeID": 1,
            "FamilyName": person["family_name"],
            "GivenName": person["given_name"],
            "MiddleName": person["middle_name"],
            "Title": None,
            "Suffix": None,
        }
    )
    born = date(1960, 2, patient)
    made.target["Patient"].append(
        {"PersonID": key, "ExternalID": person["practice_pms_id"], "DateOfBirth": born, "Sex": person["sex"]}
    )
    made.target["Study"].append(
        {"StudyRecordID": key + 50, "PatientID": key, "Name": name, "CreatedDate": started.replace(microsecond=0)}
    )
    if not is_bare:
        series = {"id": patient, "study_id": patient, "series_instance_uid": f"1.8.{patient}", "device_id": 1}
        made.source["series"].append({**series, "description": None if patient == 3 else "Bitewings"})
        called = "Default Series" if patient == 3 else "Bitewings"
        made.target["Series"].append({"SeriesID": key + 70, "StudyRecordID": key + 50, "Name": called})


def _source_image(
    made: Practice, key: int, patient: int, file: str, data: bytes | None, shot: Shot | None = None, **other: Any
) -> None:
    row = {
        "id": key,
        "series_id": patient,
        "type": "IMAGE",
        "sop_instance_uid": f"1.2.826.{key}",
        "file_name": file,
        "category": shot.category if shot else "INTRAORAL",
        "acquisition_date_time": shot.acquired_at if shot else None,
        "instance_number": key,
        "rotation": shot.rotation if shot else 0,
        "mirrored": int(shot.mirrored) if shot else 0,
        "teeth": ";".join(map(str, shot.teeth)) or None if shot else None,
        "deleted": 0,
    }
    made.source["media"].append({**row, **other})
    if data is not None:
        made.source_files[f"1.9.{patient}/{file}"] = data


def _write_wanting(made: Practice) -> None:
    good = dicom(grey(7))
    _source_image(made, 21, 3, "gone.dcm", None)
    _source_image(made, 22, 3, "empty.dcm", b"")
    _source_image(made, 23, 5, "short.dcm", good[:-40])
    _source_image(
        made, 24, 5, "film.dcm", dicom(np.stack([grey(8), grey(9)]).reshape(18, 14), NumberOfFrames=2, Rows=9)
    )
    _source_image(made, 25, 5, "deleted.dcm", good, deleted=1)
    _source_image(made, 26, 5, "volume.dcm", good, type="VOLUME")


def _target_image(made: Practice, shot: Shot) -> None:
    key, person = shot.visual, next(number for number, item in enumerate(PEOPLE) if item["id"] == shot.patient)
    file, content, kind = target_file(shot, key, PEOPLE[person])
    digits = f"{key:08x}"
    path = f"Images/{digits[0]}{digits[4]}/{digits[1]}{digits[5]}/{digits[2]}{digits[6]}/{digits}.{kind}"
    made.target_files[path] = file
    rotation, mirrored = TARGET_VIEW.write(SOURCE_VIEW.read(shot.rotation, shot.mirrored))
    kept = shot.acquired_at.replace(microsecond=0) if shot.acquired_at else None
    teeth = "teeth=" + "%3B".join(f"{tooth // 10}0{tooth % 10}" for tooth in shot.teeth) if shot.teeth else None
    made.target["Visual"].append(
        {
            "VisualID": key,
            "SeriesID": 970 + person,
            "ImageCategory": CATEGORIES[shot.category],
            "Settings": f"Turn={rotation}&Flip={int(mirrored)}",
            "Teeth": teeth,
        }
    )
    made.target["Image"].append(
        {
            "VisualID": key,
            "UID": shot.uid,
            "ImageNum": shot.key,
            "SecurityHash": content,
            "AcquiredDate": kept,
            "DeviceMake": "Dexis",
            "DeviceModel": "Platinum",
            "DeviceSerial": "007",
        }
    )
    made.target["ActivityLog"].append({"ItemID": key, "Event": "FileImport", "Filename": path, "EventDateTime": kept})
