"""An empty DEXIS 10-like practice: database and data folder, as a fresh installation leaves them. Modelled as
engine/profiles/dexis10.toml states."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, create_engine, make_url, text

from demo.dexis11 import insert
from engine.sqlserver.connection import engine_for

VERSION = "10.1"

# Identifiers unquoted. What the dialects call differently stands in braces.
_TABLES = (
    "CREATE TABLE SystemInfo (Name {text}(64) PRIMARY KEY, Value {text}(64) NOT NULL)",
    "CREATE TABLE Person (PersonID {key} PRIMARY KEY, SSN VARCHAR(16), Removed INTEGER NOT NULL)",
    """CREATE TABLE PersonName (PersonID INTEGER NOT NULL REFERENCES Person (PersonID), TypeID INTEGER NOT NULL,
       FamilyName {text}(64) NOT NULL, GivenName {text}(64) NOT NULL, MiddleName {text}(64), Title {text}(16),
       Suffix {text}(16), PRIMARY KEY (PersonID, TypeID))""",
    """CREATE TABLE Patient (PersonID INTEGER PRIMARY KEY REFERENCES Person (PersonID), ExternalID VARCHAR(16),
       DateOfBirth DATE, Sex VARCHAR(1))""",
    """CREATE TABLE Study (StudyRecordID {key} PRIMARY KEY, PatientID INTEGER NOT NULL REFERENCES Patient (PersonID),
       Name {text}(128), CreatedDate {moment})""",
    """CREATE TABLE Series (SeriesID {key} PRIMARY KEY,
       StudyRecordID INTEGER NOT NULL REFERENCES Study (StudyRecordID), Name {text}(128) NOT NULL)""",
    """CREATE TABLE Visual (VisualID {key} PRIMARY KEY, SeriesID INTEGER NOT NULL REFERENCES Series (SeriesID),
       ImageCategory INTEGER NOT NULL, Settings {text}(255), Teeth {text}(255))""",
    """CREATE TABLE Image (VisualID INTEGER PRIMARY KEY REFERENCES Visual (VisualID), UID VARCHAR(64) NOT NULL,
       ImageNum INTEGER NOT NULL, SecurityHash {binary} NOT NULL, AcquiredDate {moment}, DeviceMake {text}(64),
       DeviceModel {text}(64), DeviceSerial {text}(64))""",
    """CREATE TABLE ActivityLog (Event VARCHAR(32) NOT NULL, Filename {text}(255) NOT NULL, ItemID INTEGER NOT NULL,
       EventDateTime {moment})""",
)
# On SQL Server as DEXIS 10 may have them: keys made by the server, Unicode names, the old type for times.
_WORDS: Final = {
    "sqlite": {"key": "INTEGER", "text": "VARCHAR", "moment": "TIMESTAMP", "binary": "BLOB"},
    "postgresql": {"key": "INTEGER", "text": "VARCHAR", "moment": "TIMESTAMP", "binary": "BYTEA"},
    "mssql": {"key": "INTEGER IDENTITY(1, 1)", "text": "NVARCHAR", "moment": "DATETIME", "binary": "VARBINARY(16)"},
}


def tables(dialect: str) -> Iterator[str]:
    """What creates DEXIS 10's tables, in order."""
    return (statement.format(**_WORDS[dialect]) for statement in _TABLES)


def write_empty_database(url: str) -> None:
    """Create DEXIS 10's tables in the empty database at `url`; nothing in them but the version."""
    engine = opened(url)
    with engine.begin() as connection:
        for statement in tables(engine.dialect.name):
            connection.execute(text(statement))
        insert(connection, "SystemInfo", [{"Name": "Version", "Value": VERSION}])
    engine.dispose()


def opened(url: str) -> Engine:
    """An engine that may write; for SQL Server with the driver found as the product finds it."""
    made = make_url(url)
    return engine_for(made) if made.get_backend_name() == "mssql" else create_engine(made)


def write_empty_store(store: Path) -> None:
    """The data folder of a fresh installation."""
    for name in ("Images", "Thumbnails"):
        (store / name).mkdir(parents=True, exist_ok=True)
