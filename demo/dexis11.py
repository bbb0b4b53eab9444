"""A DEXIS 11-like practice on disk: database, store of image files. Modelled as engine/profiles/dexis11.toml states."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from demo.blueprint import Blueprint, Medium, Series, Study
from demo.files import file_bytes
from demo.people import Person

VERSION = "11.2"
Row = Mapping[str, object]
Entry = tuple[Person, Study, Series, Medium]

# One DDL for SQLite and PostgreSQL.
_TABLES = (
    "CREATE TABLE core_info (name VARCHAR(64) PRIMARY KEY, value VARCHAR(64) NOT NULL)",
    """CREATE TABLE device (id INTEGER PRIMARY KEY, manufacturer VARCHAR(64), model VARCHAR(64),
       serial_number VARCHAR(64))""",
    """CREATE TABLE patient (id INTEGER PRIMARY KEY, family_name VARCHAR(200) NOT NULL,
       given_name VARCHAR(200) NOT NULL, middle_name VARCHAR(200),
       sex VARCHAR(1), dob DATE, practice_pms_id VARCHAR(64), deleted INTEGER NOT NULL)""",
    """CREATE TABLE study (id INTEGER PRIMARY KEY, patient_id INTEGER NOT NULL REFERENCES patient (id),
       study_instance_uid VARCHAR(64) NOT NULL UNIQUE, description VARCHAR(200), study_date_time TIMESTAMP)""",
    """CREATE TABLE series (id INTEGER PRIMARY KEY, study_id INTEGER NOT NULL REFERENCES study (id),
       series_instance_uid VARCHAR(64) NOT NULL UNIQUE, description VARCHAR(200),
       device_id INTEGER REFERENCES device (id))""",
    """CREATE TABLE media (id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL REFERENCES series (id),
       type VARCHAR(16) NOT NULL, sop_instance_uid VARCHAR(64) NOT NULL, file_name VARCHAR(255) NOT NULL,
       category VARCHAR(32), acquisition_date_time TIMESTAMP, instance_number INTEGER NOT NULL,
       rotation INTEGER NOT NULL, mirrored INTEGER NOT NULL, teeth VARCHAR(200), deleted INTEGER NOT NULL)""",
    """CREATE TABLE annotation (id INTEGER PRIMARY KEY, media_id INTEGER NOT NULL REFERENCES media (id),
       kind VARCHAR(16) NOT NULL, geometry TEXT NOT NULL)""",
)


def write_database(blueprint: Blueprint, url: str) -> None:
    """Create DEXIS 11's tables in the empty database at `url` and fill them, in one transaction."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in _TABLES:
            connection.execute(text(statement))
        fill(connection, blueprint)
    engine.dispose()


def fill(connection: Connection, blueprint: Blueprint) -> None:
    """Every row of the practice, into empty tables."""
    for table, rows in _rows(blueprint):
        insert(connection, table, rows)


def insert(connection: Connection, table: str, rows: Iterable[Row]) -> None:
    """Insert `rows`, which all have the same columns. Names are ours, from this package; values are bound."""
    found = list(rows)
    if found:
        columns = list(found[0])
        values = ", ".join(f":{column}" for column in columns)
        connection.execute(text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"), found)


def write_store(blueprint: Blueprint, store: Path) -> None:
    """Write every file of the practice below `store` as `{study_uid}/{file}`."""
    write_files(store, blueprint.media)


def write_files(store: Path, entries: Iterable[Entry]) -> None:
    """Write the files of these media below `store`."""
    found = list(entries)
    for _, study, _, _ in found:
        (store / study.uid).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda entry: _write_file(store, *entry), found):
            pass


def _write_file(store: Path, person: Person, study: Study, series: Series, medium: Medium) -> None:
    if medium.fate != "missing":
        (store / study.uid / medium.file).write_bytes(file_bytes(person, study, series, medium))


def _rows(blueprint: Blueprint) -> Iterator[tuple[str, list[Row]]]:
    yield "core_info", [{"name": "version", "value": VERSION}]
    yield (
        "device",
        [
            {"id": d.key, "manufacturer": d.manufacturer, "model": d.model, "serial_number": d.serial_number}
            for d in blueprint.devices
        ],
    )
    yield "patient", [_patient_row(person) for person in blueprint.people]
    people = list(zip(blueprint.people, blueprint.studies, strict=True))
    yield "study", [_study_row(person, study) for person, studies in people for study in studies]
    yield (
        "series",
        [_series_row(study, series) for _, studies in people for study in studies for series in study.series],
    )
    yield "media", [_media_row(medium) for _, _, _, medium in blueprint.media]
    yield (
        "annotation",
        [
            {"id": a.key, "media_id": a.medium_key, "kind": a.kind, "geometry": a.geometry}
            for a in blueprint.annotations
        ],
    )


def _patient_row(person: Person) -> Row:
    return {
        "id": person.key,
        "family_name": person.family_name,
        "given_name": person.given_name,
        "middle_name": person.middle_name,
        "sex": person.sex,
        "dob": moment(person.born),
        "practice_pms_id": person.chart_number,
        "deleted": int(person.deleted),
    }


def _study_row(person: Person, study: Study) -> Row:
    return {
        "id": study.key,
        "patient_id": person.key,
        "study_instance_uid": study.uid,
        "description": study.name,
        "study_date_time": moment(study.started_at),
    }


def _series_row(study: Study, series: Series) -> Row:
    return {
        "id": series.key,
        "study_id": study.key,
        "series_instance_uid": series.uid,
        "description": series.name,
        "device_id": series.device.key if series.device else None,
    }


def _media_row(medium: Medium) -> Row:
    return {
        "id": medium.key,
        "series_id": medium.series_key,
        "type": medium.kind,
        "sop_instance_uid": medium.uid,
        "file_name": medium.file,
        "category": medium.category,
        "acquisition_date_time": moment(medium.acquired_at),
        "instance_number": medium.number,
        "rotation": medium.rotation,
        "mirrored": int(medium.mirrored),
        "teeth": medium.teeth,
        "deleted": int(medium.deleted),
    }


def moment(value: date | None) -> str | None:
    """A date or time as both databases read it: ISO, with a space before the time."""
    return None if value is None else str(value)
