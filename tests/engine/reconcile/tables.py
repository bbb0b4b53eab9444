"""The tables of a small practice, source and target, without keys or constraints: a spoilt one must be writable."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Date, DateTime, Integer, LargeBinary, MetaData, String, Table, create_engine
from sqlalchemy.sql import quoted_name
from sqlalchemy.types import TypeEngine

Row = dict[str, Any]


def _columns(names: str) -> tuple[str, ...]:
    return tuple(names.split())


SOURCE_TABLES = {
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
TARGET_TABLES = {
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


def write_database(url: str, rows: dict[str, list[Row]], tables: dict[str, tuple[str, ...]]) -> None:
    """Creates the tables at `url` and fills them."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for name, columns in tables.items():
            _write_table(connection, name, columns, rows[name])
    engine.dispose()


def _write_table(connection: Connection, name: str, columns: tuple[str, ...], rows: list[Row]) -> None:
    made = [Column(quoted_name(column, quote=False), _kind(column), key=column) for column in columns]
    table = Table(quoted_name(name, quote=False), MetaData(), *made)
    table.create(connection)
    if rows:
        connection.execute(table.insert(), [{column: row[column] for column in columns} for row in rows])
