"""A very small DEXIS 11 for the tests of the source: its tables as the bundled profile models them, and rows."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy.engine import make_url

from engine.job import Job
from engine.settings import RunSettings, Snapshot, SnapshotKind, SourceSettings, TargetSettings
from engine.sqlserver.connection import engine_for
from tests.simulators.postgresql import libpq

RUN: Final = "5ea1" * 8

TABLES: Final[Mapping[str, str]] = {
    "core_info": "name TEXT, value TEXT",
    "patient": "id INTEGER, family_name TEXT, given_name TEXT, middle_name TEXT, sex TEXT, dob {date},"
    " practice_pms_id TEXT, deleted INTEGER",
    "study": "id INTEGER, patient_id INTEGER, study_instance_uid TEXT, description TEXT, study_date_time {moment}",
    "series": "id INTEGER, study_id INTEGER, series_instance_uid TEXT, description TEXT, device_id INTEGER",
    "media": "id INTEGER, series_id INTEGER, type TEXT, sop_instance_uid TEXT, file_name TEXT, category TEXT,"
    " acquisition_date_time {moment}, instance_number INTEGER, rotation INTEGER, mirrored INTEGER, teeth TEXT,"
    " deleted INTEGER",
    "device": "id INTEGER, manufacturer TEXT, model TEXT, serial_number TEXT",
    "annotation": "id INTEGER, media_id INTEGER, kind TEXT, geometry TEXT",
}
Rows = Mapping[str, Sequence[tuple[Any, ...]]]

# Three patients, in an order that is neither that of names nor that of texts ("10" < "9"), with every kind of trouble.
ROWS: Final[Rows] = {
    "core_info": [("version", "11.1.4")],
    "patient": [
        (10, "Ødegård", "Åse", None, "F", "1950-02-28", "00042", 0),
        (9, "王", "小明", "", "M", "2001-12-31", "000042", 0),
        (11, "Иванова", "Анна", "П.", None, None, None, 0),
        (12, "Gone", "Long", None, "F", "1990-01-01", "7", 1),
        (13, "Odd", "Sex", None, "Q", "1990-01-01", "8", 0),
        (14, "Odd", "Day", None, "F", "1990-01-01", "9", 0),
    ],
    "study": [
        (100, 10, "1.2.100", "Visit", "2024-05-06 07:08:09"),
        (101, 9, "1.2.101", None, None),
        (102, 11, "1.2.102", "Check", "2023-01-01 00:00:00"),
        (103, 12, "1.2.103", "Deleted", "2023-01-01 00:00:00"),
        (104, 777, "1.2.104", "Nobody's", "2023-01-01 00:00:00"),
        (105, 13, "1.2.105", "Visit", "2023-01-01 00:00:00"),
    ],
    "series": [
        (200, 100, "1.2.200", "S", 1),
        (201, 101, "1.2.201", None, 2),
        (202, 102, "1.2.202", "S", None),
        (203, 103, "1.2.203", "S", 1),
        (204, 104, "1.2.204", "S", 1),
        (205, 105, "1.2.205", "S", 1),
    ],
    "device": [(1, "Maker", "Platinum", "0001"), (2, "Maker", None, None)],
    "media": [
        (1000, 200, "IMAGE", "1.3.1000", "a.dcm", "INTRAORAL", "2024-05-06 07:08:09.123456", 1, 90, 1, "11;48", 0),
        (999, 200, "IMAGE", "1.3.999", "sub\\b.dcm", "PANORAMIC", None, 2, 0, 0, None, 0),
        (1001, 201, "IMAGE", "1.3.1001", "c.jpg", "PICTURE_EXTRAORAL", "2024-01-01 10:00:00", None, None, None, "", 0),
        (1002, 202, "IMAGE", "1.3.1002", "d.dcm", "HOLOGRAM", "2024-01-01 10:00:00", 1, 0, 0, None, 0),
        (1003, 202, "IMAGE", "1.3.1003", "e.dcm", "INTRAORAL", "2024-01-01 10:00:00", 1, 45, 0, None, 0),
        (1004, 202, "IMAGE", "1.3.1004", "f.dcm", "INTRAORAL", "2024-01-01 10:00:00", 1, 0, 0, "19", 0),
        (1005, 202, "IMAGE", "1.3.1005", None, "INTRAORAL", "2024-01-01 10:00:00", 1, 0, 0, None, 0),
        (1006, 203, "IMAGE", "1.3.1006", "g.dcm", "INTRAORAL", "2024-01-01 10:00:00", 1, 0, 0, None, 0),
        (1007, 204, "IMAGE", "1.3.1007", "h.dcm", "INTRAORAL", "2024-01-01 10:00:00", 1, 0, 0, None, 0),
        (1008, 999, "IMAGE", "1.3.1008", "i.dcm", "INTRAORAL", "2024-01-01 10:00:00", 1, 0, 0, None, 0),
        (1009, 200, "VOLUME", "1.3.1009", "j.dcm", "VOLUME", "2024-01-01 10:00:00", 1, 0, 0, None, 0),
        (1010, 200, "IMAGE", "1.3.1010", "k.dcm", "INTRAORAL", "2024-01-01 10:00:00", 1, 0, 0, None, 1),
        (1011, 205, "IMAGE", "1.3.1011", "l.dcm", "INTRAORAL", "2024-01-01 10:00:00", 1, 0, 0, None, 0),
    ],
    "annotation": [(1, 1000, "line", "0,0 1,1")],
}


def fill_sqlite(path: Path, rows: Rows = ROWS) -> str:
    """A SQLite file with `rows`; its URL."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for name, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({columns.format(date='TEXT', moment='TEXT')})")
            _insert(connection.executemany, name, "?", rows[name])
    return f"sqlite:///{path}"


def fill_postgresql(url: str, rows: Rows = ROWS) -> str:
    """`rows` in an empty PostgreSQL database; its URL."""
    with psycopg.connect(libpq(url)) as connection, connection.cursor() as cursor:
        for name, columns in TABLES.items():
            cursor.execute(f"CREATE TABLE {name} ({columns.format(date='DATE', moment='TIMESTAMP')})".encode())
            _insert(cursor.executemany, name, "%s", rows[name])
    return url


def fill_mssql(url: str, rows: Rows = ROWS) -> str:
    """`rows` in an empty database of a real SQL Server, which is read-only afterwards as staging is; its URL."""
    engine = engine_for(make_url(url))
    with contextlib.closing(engine.raw_connection()) as connection, connection.cursor() as cursor:
        for name, columns in TABLES.items():
            typed = columns.format(date="DATE", moment="DATETIME2(6)").replace("TEXT", "NVARCHAR(400)")
            cursor.execute(f"CREATE TABLE {name} ({typed})")
            _insert(cursor.executemany, name, "?", rows[name])
        connection.commit()
    engine.dispose()
    master = engine_for(make_url(url).set(database="master"), isolation_level="AUTOCOMMIT")
    with master.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE [{make_url(url).database}] SET READ_ONLY WITH ROLLBACK IMMEDIATE")
    master.dispose()
    return url


def fill(url: str, rows: Rows = ROWS) -> str:
    """`rows` in an empty database of any kind; its URL."""
    match make_url(url).get_backend_name():
        case "sqlite":
            return fill_sqlite(Path(str(make_url(url).database)), rows)
        case "postgresql":
            return fill_postgresql(url, rows)
    return fill_mssql(url, rows)


def _insert(run_many: Callable[..., Any], name: str, mark: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        run_many(f"INSERT INTO {name} VALUES ({', '.join([mark] * len(rows[0]))})", rows)


def changed(table: str, key: Any, **values: Any) -> Rows:
    """ROWS with some values of one row replaced."""
    columns = [part.strip().split()[0] for part in TABLES[table].split(",")]
    rows = [
        tuple(values.get(column, value) for column, value in zip(columns, row, strict=True)) if row[0] == key else row
        for row in ROWS[table]
    ]
    return {**ROWS, table: rows}


def job(folder: Path, kind: SnapshotKind, backup: Path, staging: str, **more: Any) -> Job:
    """A job in `folder` whose store is `folder`/store."""
    store = folder / "store"
    return Job(
        folder=folder,
        source=SourceSettings("dexis11", Snapshot(kind, backup), staging, more.pop("store", (store,)), **more),
        target=TargetSettings("dexis10", f"sqlite:///{folder}/target.db", folder / "target"),
        samples=None,
        run=RunSettings(),
        run_id=RUN,
        digest_key=bytes(32),
    )
