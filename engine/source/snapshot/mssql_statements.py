"""The T-SQL of a restore, as plain functions of names, so that it can be checked without a server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any, Final

from engine.source.snapshot.staging import MARKER, MARKER_TEXT

_PREFIX: Final = "bitewing_staging_"  # of every file of staging
_SUFFIXES: Final = {"L": ".ldf", "S": ""}  # S: a folder, of FILESTREAM or of tables kept in memory


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file inside a backup, as RESTORE FILELISTONLY lists it; `type` is D data, L log, F full-text, S folder."""

    logical_name: str
    type: str

    @staticmethod
    def of(row: Mapping[str, Any]) -> BackupFile:
        return BackupFile(str(row["logicalname"]), str(row["type"]).upper())


@dataclass(frozen=True, slots=True)
class BackupSet:
    """One backup inside a file, as RESTORE HEADERONLY describes it. `size` is in bytes, `position` counts from 1."""

    position: int
    database: str
    server: str
    major_version: int
    size: int
    is_damaged: bool

    @staticmethod
    def of(row: Mapping[str, Any]) -> BackupSet:
        return BackupSet(
            position=int(row["position"]),
            database=str(row["databasename"] or ""),
            server=str(row["servername"] or ""),
            major_version=int(row["softwareversionmajor"] or 0),
            size=int(row.get("compressedbackupsize") or row["backupsize"] or 0),
            is_damaged=bool(row["isdamaged"]),
        )


def existing(name: str) -> str:
    """One row: `id` of the database, and of the marker in it; NULL for what is not there."""
    marker = _text(f"{_name(name)}.[dbo].[{MARKER}]")
    return f"SELECT DB_ID({_text(name)}) AS [id], OBJECT_ID({marker}) AS [marker]"


def files_of(name: str) -> str:
    """`file_name`: every file of a database, also of one that was never finished and cannot be opened."""
    return (
        "SELECT [physical_name] AS [file_name] FROM [master].[sys].[master_files]"  # noqa: S608 - the name is quoted
        f" WHERE [database_id] = DB_ID({_text(name)})"
    )


def is_our_file(path: str) -> bool:
    return PureWindowsPath(path).name.startswith(_PREFIX)


def server() -> str:
    """One row: the server's name, major version, and where it keeps `data` and `log` files of new databases."""
    properties = {"server": "ServerName", "data": "InstanceDefaultDataPath", "log": "InstanceDefaultLogPath"}
    asked = [f"CAST(SERVERPROPERTY('{name}') AS NVARCHAR(260)) AS [{alias}]" for alias, name in properties.items()]
    version = "CAST(SERVERPROPERTY('ProductVersion') AS NVARCHAR(128))"
    return f"SELECT {', '.join(asked)}, LEFT({version}, CHARINDEX('.', {version}) - 1) AS [major]"


def header(backup: str) -> str:
    """Which databases the backup is of, and of which version: one row for each backup in the file."""
    return f"RESTORE HEADERONLY FROM DISK = {_text(backup)}"


def file_list(backup: str, position: int) -> str:
    return f"RESTORE FILELISTONLY FROM DISK = {_text(backup)} WITH FILE = {position}"


def tables(name: str) -> str:
    return f"SELECT [name] FROM {_name(name)}.[sys].[tables]"  # noqa: S608 - the name is quoted


def removal(name: str) -> tuple[str, ...]:
    """What removes a staging of ours: whoever looks at it is thrown out. One half restored has nobody in it."""
    quoted = _name(name)
    closed = f"ALTER DATABASE {quoted} SET SINGLE_USER WITH ROLLBACK IMMEDIATE"
    return (f"IF DATABASEPROPERTYEX({_text(name)}, 'Status') = N'ONLINE' {closed}", f"DROP DATABASE {quoted}")


def restoring(name: str, backup: str, chosen: BackupSet, files: Sequence[BackupFile], data: str, log: str) -> str:
    """Restores into a database that must not exist: without REPLACE the server itself refuses to overwrite one."""
    moves = [_move(name, index, file, log if file.type == "L" else data) for index, file in enumerate(files)]
    options = ", ".join((f"FILE = {chosen.position}", *moves, "RECOVERY", "STATS = 1"))
    return f"RESTORE DATABASE {_name(name)} FROM DISK = {_text(backup)} WITH {options}"


def finishing(name: str) -> tuple[str, ...]:
    """What makes the restored database staging: marked as ours, and read-only from then on."""
    marker = f"{_name(name)}.[dbo].[{MARKER}]"
    return (
        f"ALTER DATABASE {_name(name)} SET MULTI_USER",
        f"ALTER DATABASE {_name(name)} SET READ_WRITE",
        f"CREATE TABLE {marker} ([note] NVARCHAR(200) NOT NULL)",
        f"INSERT INTO {marker} ([note]) VALUES ({_text(MARKER_TEXT)})",  # noqa: S608 - a constant
        f"ALTER DATABASE {_name(name)} SET READ_ONLY WITH ROLLBACK IMMEDIATE",
    )


def _move(name: str, index: int, file: BackupFile, folder: str) -> str:
    """Each file goes where the server keeps its own, under a name of ours, whatever place the backup remembers."""
    plain = re.sub(r"[^A-Za-z0-9-]", "_", name)
    suffix = _SUFFIXES.get(file.type, ".mdf" if index == 0 else ".ndf")
    path = PureWindowsPath(folder) / f"{_PREFIX}{plain}_{index}{suffix}"
    return f"MOVE {_text(file.logical_name)} TO {_text(_as_on_server(str(path), folder))}"


def _as_on_server(path: str, folder: str) -> str:
    """SQL Server on Linux writes its paths with slashes."""
    return path.replace("\\", "/") if folder.startswith("/") else path


def _name(name: str) -> str:
    return f"[{name.replace(']', ']]')}]"


def _text(value: str) -> str:
    return "N'" + value.replace("'", "''") + "'"
