"""An empty DEXIS 10-like practice: database and data folder, as a fresh installation leaves them. Modelled as
engine/profiles/dexis10.toml states."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text

from demo.dexis11 import insert

VERSION = "10.1"
_BINARY = {"sqlite": "BLOB", "postgresql": "BYTEA"}

# One DDL for SQLite and PostgreSQL, identifiers unquoted.
_TABLES = (
    "CREATE TABLE SystemInfo (Name VARCHAR(64) PRIMARY KEY, Value VARCHAR(64) NOT NULL)",
    "CREATE TABLE Person (PersonID INTEGER PRIMARY KEY, SSN VARCHAR(16), Removed INTEGER NOT NULL)",
    """CREATE TABLE PersonName (PersonID INTEGER NOT NULL REFERENCES Person (PersonID), TypeID INTEGER NOT NULL,
       FamilyName VARCHAR(64) NOT NULL, GivenName VARCHAR(64) NOT NULL, MiddleName VARCHAR(64), Title VARCHAR(16),
       Suffix VARCHAR(16), PRIMARY KEY (PersonID, TypeID))""",
    """CREATE TABLE Patient (PersonID INTEGER PRIMARY KEY REFERENCES Person (PersonID), ExternalID VARCHAR(16),
       DateOfBirth DATE, Sex VARCHAR(1))""",
    """CREATE TABLE Study (StudyRecordID INTEGER PRIMARY KEY, PatientID INTEGER NOT NULL REFERENCES Patient (PersonID),
       Name VARCHAR(128), CreatedDate TIMESTAMP)""",
    """CREATE TABLE Series (SeriesID INTEGER PRIMARY KEY,
       StudyRecordID INTEGER NOT NULL REFERENCES Study (StudyRecordID), Name VARCHAR(128) NOT NULL)""",
    """CREATE TABLE Visual (VisualID INTEGER PRIMARY KEY, SeriesID INTEGER NOT NULL REFERENCES Series (SeriesID),
       ImageCategory INTEGER NOT NULL, Settings VARCHAR(255), Teeth VARCHAR(255))""",
    """CREATE TABLE Image (VisualID INTEGER PRIMARY KEY REFERENCES Visual (VisualID), UID VARCHAR(64) NOT NULL,
       ImageNum INTEGER NOT NULL, SecurityHash {binary} NOT NULL, AcquiredDate TIMESTAMP, DeviceMake VARCHAR(64),
       DeviceModel VARCHAR(64), DeviceSerial VARCHAR(64))""",
    """CREATE TABLE ActivityLog (Event VARCHAR(32) NOT NULL, Filename VARCHAR(255) NOT NULL, ItemID INTEGER NOT NULL,
       EventDateTime TIMESTAMP)""",
)


def write_empty_database(url: str) -> None:
    """Create DEXIS 10's tables in the empty database at `url`; nothing in them but the version."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in _TABLES:
            connection.execute(text(statement.format(binary=_BINARY[engine.dialect.name])))
        insert(connection, "SystemInfo", [{"Name": "Version", "Value": VERSION}])
    engine.dispose()


def write_empty_store(store: Path) -> None:
    """The data folder of a fresh installation."""
    for name in ("Images", "Thumbnails"):
        (store / name).mkdir(parents=True, exist_ok=True)
