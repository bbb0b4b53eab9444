"""A practice small enough to read, and the target it should become, written by code of this file alone.

Rows and files stay in dictionaries until `write`: a test spoils one of them and asks what the reconciler says.
"""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from sqlalchemy import Column, Connection, Date, DateTime, Integer, LargeBinary, MetaData, String, Table, create_engine
from sqlalchemy.sql import quoted_name
from sqlalchemy.types import TypeEngine

from engine.orientation import OrientationNotation
from engine.profiles.load import load_source, load_target
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.reconcile.judgement import Discrepancy
from engine.reconcile.scan import Listener, Places, Reconciliation, reconcile
from protocol.vocabulary import FindingCode

Row = dict[str, Any]
KEY = bytes(range(32))
NOON = datetime.fromisoformat("2019-03-04T12:20:30")
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


def grey(seed: int, shape: tuple[int, int] = (9, 14), bits: int = 12) -> NDArray[np.uint16]:
    """Pixels that no turn or mirror leaves alone."""
    return np.random.default_rng(seed).integers(0, 1 << bits, shape, dtype=np.uint16)


def colour(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (8, 11, 3), dtype=np.uint8)


def encoded(pixels: NDArray[Any], form: str) -> bytes:
    target = io.BytesIO()
    Pillow.fromarray(pixels).save(target, form, **({"quality": 90} if form == "JPEG" else {}))
    return target.getvalue()


def dicom(pixels: NDArray[Any], syntax: str = ExplicitVRLittleEndian, **tags: Any) -> bytes:
    """A DICOM file written by pydicom."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    data.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = pixels.dtype.itemsize * 8
    data.PixelRepresentation = 0
    for name, value in tags.items():
        setattr(data, name, value)
    data.HighBit = data.BitsStored - 1
    data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OW"
    if syntax == RLELossless:
        data.compress(RLELossless)
    target = io.BytesIO()
    pydicom.dcmwrite(target, data, enforce_file_format=True)
    return target.getvalue()


@dataclass(frozen=True)
class Shot:
    """One image of the practice and what it must become."""

    key: int
    patient: int
    file: str
    data: bytes
    pixels: NDArray[Any]
    category: str = "INTRAORAL"
    rotation: int = 0
    mirrored: bool = False
    teeth: tuple[int, ...] = ()
    acquired_at: datetime | None = NOON
    flags: int = 0
    bits: int = 16
    window: tuple[float, float] = (0.0, 0.0)

    @property
    def is_photo(self) -> bool:
        return self.category.startswith("PICTURE")

    @property
    def uid(self) -> str:
        return f"1.2.826.{self.key}"

    @property
    def visual(self) -> int:
        """Keys of the target have an order of their own."""
        return 5000 - self.key


def shots() -> tuple[Shot, ...]:
    first, second, rle = grey(1), grey(2, bits=16), grey(3, (20, 6))
    snapshot, drawing, wide = encoded(colour(4), "JPEG"), encoded(colour(5), "PNG"), colour(6)
    late = datetime.fromisoformat("2021-12-31T23:59:59.123456")
    return (
        Shot(
            11,
            3,
            "a.dcm",
            dicom(first, BitsStored=12, WindowCenter="2048", WindowWidth="4000.5"),
            first,
            "PANORAMIC",
            rotation=90,
            mirrored=True,
            teeth=(26, 37),
            bits=12,
            flags=4,
            window=(2048.0, 4000.5),
        ),
        Shot(
            12,
            3,
            "b.dcm",
            dicom(second, ImplicitVRLittleEndian, PhotometricInterpretation="MONOCHROME1"),
            second,
            rotation=270,
            acquired_at=late,
            flags=1,
            teeth=(51,),
        ),
        Shot(
            13, 3, "c.jpg", snapshot, np.asarray(Pillow.open(io.BytesIO(snapshot))), "PICTURE_INTRAORAL", rotation=180
        ),
        Shot(14, 5, "d.dcm", dicom(rle, RLELossless), rle, "CEPHALOGRAM", mirrored=True, acquired_at=None),
        Shot(15, 5, "e.png", drawing, colour(5), "PICTURE_EXTRAORAL", rotation=90),
        Shot(16, 5, "f.dcm", dicom(wide), wide, "PICTURE_EXTRAORAL", mirrored=True),
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
        for url, tables, profile in zip(
            urls, (self.source, self.target), (_SOURCE_TABLES, _TARGET_TABLES), strict=True
        ):
            _write_database(url, tables, profile)
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
    made.source = {name: [] for name in _SOURCE_TABLES}
    made.target = {name: [] for name in _TARGET_TABLES}
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


def target_file(shot: Shot, key: int, person: Row) -> tuple[bytes, bytes, str]:
    """(file, hash, type) of the target."""
    if shot.file.endswith(".jpg"):
        return shot.data, md5(shot.data), "jpg"
    if shot.is_photo:
        data = shot.data if shot.file.endswith(".png") else encoded(shot.pixels, "PNG")
        return data, md5(shot.pixels.tobytes()), "png"
    payload = shot.pixels.astype("<u2").tobytes()
    content = md5(payload)
    return dex(shot, key, f"{person['family_name']}^{person['given_name']}", payload, content), content, "dex"


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def dex(shot: Shot, key: int, person: str, payload: bytes, content: bytes) -> bytes:
    """A native file, field after field as its description lists them."""
    height, width = shot.pixels.shape
    ticks = (
        (shot.acquired_at - datetime.fromisoformat("1601-01-01")) // timedelta(microseconds=1) * 10
        if shot.acquired_at
        else 0
    )
    head = b"DEX1" + struct.pack("<HHIII", 256, 3, key, width, height)
    head += struct.pack("<BBBB", 16, shot.bits, 1, shot.flags) + struct.pack("<dd", *shot.window)
    head += struct.pack("<Q", ticks) + content + struct.pack("<I", len(payload))
    head += (b"\0" + person.encode()).ljust(132, b"\0") + bytes(56)
    assert len(head) == 256
    return head + payload + b"1XED"


def _columns(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_SOURCE_TABLES = {
    "core_info": _columns("name value"),
    "patient": _columns("id family_name given_name middle_name sex dob practice_pms_id deleted"),
    "study": _columns("id patient_id study_instance_uid description study_date_time"),
    "series": _columns("id study_id series_instance_uid description device_id"),
    "media": _columns(
        "id series_id type sop_instance_uid file_name category acquisition_date_time instance_number rotation "
        "mirrored teeth deleted"
    ),
    "device": _columns("id manufacturer model serial_number"),
    "annotation": _columns("id media_id kind geometry"),
}
_TARGET_TABLES = {
    "Person": _columns("PersonID SSN Removed"),
    "PersonName": _columns("PersonID TypeID FamilyName GivenName MiddleName Title Suffix"),
    "Patient": _columns("PersonID ExternalID DateOfBirth Sex"),
    "Study": _columns("StudyRecordID PatientID Name CreatedDate"),
    "Series": _columns("SeriesID StudyRecordID Name"),
    "Visual": _columns("VisualID SeriesID ImageCategory Settings Teeth"),
    "Image": _columns("VisualID UID ImageNum SecurityHash AcquiredDate DeviceMake DeviceModel DeviceSerial"),
    "ActivityLog": _columns("ItemID Event Filename EventDateTime"),
}
_NUMBERS = frozenset(
    _columns(
        "id patient_id study_id series_id device_id media_id instance_number rotation mirrored deleted PersonID "
        "Removed TypeID StudyRecordID PatientID SeriesID VisualID ImageCategory ImageNum ItemID"
    )
)
_TIMES = frozenset(_columns("study_date_time acquisition_date_time CreatedDate AcquiredDate EventDateTime"))


def _kind(column: str) -> TypeEngine[Any]:
    if column in _NUMBERS:
        return Integer()
    if column in _TIMES:
        return DateTime()
    if column == "SecurityHash":
        return LargeBinary()
    return Date() if column in ("dob", "DateOfBirth") else String(300)


def _write_database(url: str, rows: dict[str, list[Row]], tables: dict[str, tuple[str, ...]]) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for name, columns in tables.items():
            _write_table(connection, name, columns, rows[name])
    engine.dispose()


def _write_table(connection: Connection, name: str, columns: tuple[str, ...], rows: list[Row]) -> None:
    """No key, no constraint: a spoilt practice must be writable."""
    made = [Column(quoted_name(column, quote=False), _kind(column), key=column) for column in columns]
    table = Table(quoted_name(name, quote=False), MetaData(), *made)
    table.create(connection)
    if rows:
        connection.execute(table.insert(), [{column: row[column] for column in columns} for row in rows])
