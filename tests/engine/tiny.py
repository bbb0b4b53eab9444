"""A tiny practice: three patients and a handful of small synthetic pictures, with a place for every kind of trouble."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from PIL import Image as Pillow
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from demo.dexis10 import opened, write_empty_database, write_empty_store
from engine.events import Event, Finding, Progress
from engine.job import Job, new_run_file
from engine.phases import PhaseResult
from engine.profiles.load import load_source
from engine.running.control import Uncontrolled
from engine.running.reporter import Reporter
from engine.source.database import SourceDatabase
from engine.source.fingerprint import take
from protocol.errors import Interrupted
from protocol.vocabulary import Phase

RUN = "c0ffee00" * 4
Row = dict[str, Any]

_METADATA = sa.MetaData()
_TEXT, _NUMBER = sa.Unicode(400), sa.Integer
_COLUMNS: dict[str, dict[str, Any]] = {
    "core_info": {"name": _TEXT, "value": _TEXT},
    "device": {"id": _NUMBER, "manufacturer": _TEXT, "model": _TEXT, "serial_number": _TEXT},
    "patient": {
        **{"id": _NUMBER, "family_name": _TEXT, "given_name": _TEXT, "middle_name": _TEXT, "sex": _TEXT},
        **{"dob": sa.Date, "practice_pms_id": _TEXT, "deleted": _NUMBER},
    },
    "study": {
        **{"id": _NUMBER, "patient_id": _NUMBER, "study_instance_uid": _TEXT, "description": _TEXT},
        **{"study_date_time": sa.DateTime},
    },
    "series": {
        **{"id": _NUMBER, "study_id": _NUMBER, "series_instance_uid": _TEXT, "description": _TEXT},
        **{"device_id": _NUMBER},
    },
    "media": {
        **{"id": _NUMBER, "series_id": _NUMBER, "type": _TEXT, "sop_instance_uid": _TEXT, "file_name": _TEXT},
        **{"category": _TEXT, "acquisition_date_time": sa.DateTime, "instance_number": _NUMBER},
        **{"rotation": _NUMBER, "mirrored": _NUMBER, "teeth": _TEXT, "deleted": _NUMBER},
    },
    "annotation": {"id": _NUMBER, "media_id": _NUMBER, "kind": _TEXT, "geometry": _TEXT},
}
_TABLES = {
    name: sa.Table(name, _METADATA, *(sa.Column(column, kind) for column, kind in columns.items()))
    for name, columns in _COLUMNS.items()
}


def dicom(seed: int, *, width: int = 90, height: int = 70, frames: int = 1, photometric: str = "MONOCHROME2") -> bytes:
    """A 12-bit radiograph of noise, uncompressed."""
    pixels = np.random.default_rng(seed).integers(0, 4096, (frames, height, width), dtype=np.uint16)
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = ComputedRadiographyImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"1.2.3.{seed}"
    image.Rows, image.Columns, image.SamplesPerPixel = height, width, 1
    image.PhotometricInterpretation = photometric
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    if frames > 1:
        image.NumberOfFrames = frames
    image.PixelData = pixels.tobytes()
    target = io.BytesIO()
    image.save_as(target, enforce_file_format=True)
    return target.getvalue()


def photo(seed: int, kind: str, *, side: int = 96) -> bytes:
    """A colour picture of noise, as JPEG or PNG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    target = io.BytesIO()
    Pillow.fromarray(pixels).save(target, kind)
    return target.getvalue()


def _at(minute: int, second: int) -> datetime:
    return datetime.fromisoformat(f"2019-03-04T10:{minute:02}:{second:02}")


def _media(key: int, series: int, file: str, category: str = "INTRAORAL", **changed: Any) -> Row:
    row: Row = {"id": key, "series_id": series, "type": "IMAGE", "sop_instance_uid": f"1.2.826.{key}"}
    row |= {"file_name": file, "category": category, "instance_number": key, "rotation": 90 * (key % 4)}
    row |= {"acquisition_date_time": _at(30, key), "mirrored": key % 2, "teeth": "36;37"}
    return {**row, "deleted": 0, **changed}


def _patient(key: int, family: str, given: str, chart: str | None, **changed: Any) -> Row:
    row: Row = {"id": key, "family_name": family, "given_name": given, "middle_name": None, "sex": "F"}
    return {**row, "dob": date(1971, 5, key), "practice_pms_id": chart, "deleted": 0, **changed}


def _tables() -> dict[str, list[Row]]:
    def study(key: int, patient: int) -> Row:
        row = {"id": key, "patient_id": patient, "study_instance_uid": f"1.2.{key}", "description": "Check-up"}
        return {**row, "study_date_time": _at(0, key)}

    def series(key: int, study: int, device: int | None = 1) -> Row:
        row = {"id": key, "study_id": study, "series_instance_uid": f"1.2.9.{key}", "description": None}
        return {**row, "device_id": device}

    return {
        "core_info": [{"name": "version", "value": "11.2"}],
        "device": [{"id": 1, "manufacturer": "DEXIS", "model": "Platinum", "serial_number": "PL-1"}],
        "patient": [
            _patient(1, "Ödegård", "Ana", "000123"),
            _patient(2, "王", "小明", "000124", sex="M", dob=None),
            _patient(3, "Nobody", "Yet", "000125"),
        ],
        "study": [study(11, 1), study(12, 1), study(21, 2), study(31, 3)],
        "series": [series(111, 11), series(121, 12), series(211, 21, None)],
        "media": [
            _media(1, 111, "a.dcm"),
            _media(2, 111, "b.dcm", "PANORAMIC", teeth=None),
            _media(3, 121, "c.jpg", "PICTURE_INTRAORAL", teeth=None),
            _media(4, 121, "d.dcm", acquisition_date_time=None),
            _media(5, 211, "e.png", "PICTURE_EXTRAORAL", teeth=None),
            _media(6, 211, "f.dcm", "CEPHALOGRAM", teeth=None),
        ],
        "annotation": [{"id": 1, "media_id": 1, "kind": "line", "geometry": "0,0 1,1"}],
    }


def _files() -> dict[str, bytes]:
    return {
        "1.2.11/a.dcm": dicom(1),
        "1.2.11/b.dcm": dicom(2, width=200),
        "1.2.12/c.jpg": photo(3, "JPEG"),
        "1.2.12/d.dcm": dicom(4, photometric="MONOCHROME1"),
        "1.2.21/e.png": photo(5, "PNG"),
        "1.2.21/f.dcm": dicom(6),
    }


@dataclass
class TinyPractice:
    """Rows of the source by table, and its files by path: change them, then `build`."""

    rows: dict[str, list[Row]] = field(default_factory=_tables)
    files: dict[str, bytes] = field(default_factory=_files)

    def row(self, table: str, key: int) -> Row:
        return next(row for row in self.rows[table] if row["id"] == key)

    def add_image(self, key: int, series: int, path: str, content: bytes | None, **changed: Any) -> None:
        self.rows["media"].append(_media(key, series, path.rpartition("/")[2], **changed))
        if content is not None:
            self.files[path] = content

    def build(
        self, folder: Path, *, workers: int = 1, retries: int = 2, staging: str | None = None, target: str | None = None
    ) -> Tiny:
        """Writes staging, source store, empty target and job below `folder`, with the fingerprint of staging.

        Databases are SQLite files unless URLs are given. A built folder may be copied: its paths are relative.
        """
        folder.mkdir(parents=True, exist_ok=True)
        tiny = Tiny(folder / "job")
        tiny.folder.mkdir()
        (tiny.folder / "job.toml").write_text(
            "[source]\nprofile = 'dexis11'\nsnapshot = { kind = 'sqlite-file', path = '../backup.sqlite' }\n"
            f"staging = '{staging or 'sqlite:///../staging.sqlite'}'\nstore = ['../source']\n"
            f"[target]\nprofile = 'dexis10'\ndatabase = '{target or 'sqlite:///../target.sqlite'}'\n"
            f"store = '../target'\n[run]\nworkers = {workers}\nretries = {retries}\n",
            encoding="utf-8",
        )
        (tiny.folder / "run.json").write_bytes(new_run_file(RUN, b"k" * 32, 1_800_000_000))
        (folder / "backup.sqlite").write_bytes(b"the backup file")
        self._write_source(tiny, folder / "source")
        write_empty_database(tiny.target)
        write_empty_store(folder / "target")
        tiny.take_fingerprint()
        return tiny

    def restage(self, tiny: Tiny) -> None:
        """DEXIS 11 went on, and its new backup was staged: rows and files are those of this practice now.

        A file whose content has not changed is not written again.
        """
        self._write_source(tiny, tiny.source)
        tiny.take_fingerprint()

    def _write_source(self, tiny: Tiny, store: Path) -> None:
        engine = opened(tiny.staging)
        with engine.begin() as connection:
            _METADATA.drop_all(connection)
            _METADATA.create_all(connection)
            for table, rows in self.rows.items():
                connection.execute(_TABLES[table].insert(), rows)
        engine.dispose()
        for place in [place for place in store.rglob("*") if place.is_file()]:
            if place.relative_to(store).as_posix() not in self.files:
                place.unlink()
        for path, content in self.files.items():
            place = store / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists() or place.read_bytes() != content:
                place.write_bytes(content)


@dataclass(frozen=True)
class Tiny:
    """A built tiny practice, by its job's folder."""

    folder: Path

    @property
    def staging(self) -> str:
        return self.job.source.staging

    @property
    def target(self) -> str:
        return self.job.target.database

    @property
    def job(self) -> Job:
        return Job.load(self.folder)

    def another_writes(self, statement: str) -> None:
        """Something else writes to the target; keys are given, also where SQL Server would make them."""
        engine = opened(self.target)
        given = re.match("INSERT INTO (Person|Study) ", statement)
        with engine.begin() as connection:
            if given and engine.dialect.name == "mssql":
                statement = f"SET IDENTITY_INSERT {given[1]} ON; {statement}; SET IDENTITY_INSERT {given[1]} OFF"
            connection.execute(sa.text(statement))
        engine.dispose()

    @property
    def store(self) -> Path:
        return self.folder.parent / "target"

    @property
    def source(self) -> Path:
        return self.folder.parent / "source"

    def take_fingerprint(self) -> None:
        job = self.job
        with SourceDatabase.open(job.source.staging, load_source(job.source.profile)) as database:
            take(job, database).save(job.fingerprint_path)

    def store_content(self) -> dict[str, str]:
        """Every file and folder with files of the target store: path to SHA-256."""
        files = [path for path in self.store.rglob("*") if path.is_file()]
        return {
            path.relative_to(self.store).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }

    def target_rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every target table, sorted."""
        engine = opened(self.target)
        metadata = sa.MetaData()
        with engine.connect() as connection:
            metadata.reflect(connection)
            found = {
                name.lower(): sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
                for name, table in metadata.tables.items()
            }
        engine.dispose()
        return found

    def end_state(self) -> tuple[dict[str, str], dict[str, list[tuple[Any, ...]]], list[str]]:
        """Files, rows, and what lies at the root of the store (an incoming folder must not)."""
        return self.store_content(), self.target_rows(), sorted(path.name for path in self.store.iterdir())


@dataclass
class Told:
    """What a phase reported."""

    events: list[Event] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def progress(self) -> list[Progress]:
        return [event for event in self.events if isinstance(event, Progress)]

    def codes(self) -> list[str]:
        return sorted(finding.code for finding in self.findings)


class RecordingReporter(Reporter):
    """A reporter that also keeps every finding in memory."""

    def __init__(self, phase: Phase, told: Told, path: Path) -> None:
        super().__init__(phase, told.events.append, path, time.monotonic)
        self._told = told

    def finding(self, finding: Finding) -> None:
        self._told.findings.append(finding)
        super().finding(finding)


class StopsAfterOne(Uncontrolled):
    """Somebody stops the run once its first patient is done."""

    calls = 0

    def checkpoint(self) -> None:
        self.calls += 1
        if self.calls > 1:
            raise Interrupted("stopped")


def run_phase(function: Callable[..., PhaseResult], phase: Phase, tiny: Tiny, **more: Any) -> tuple[PhaseResult, Told]:
    """Runs a phase as the command line does, without gates."""
    told = Told()
    job, control = tiny.job, more.pop("control", Uncontrolled())
    with RecordingReporter(phase, told, job.findings_path) as reporter:
        result = function(job, reporter, control, **more)
    result.publish()
    return result, told
