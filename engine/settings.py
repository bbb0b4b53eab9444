"""job.toml: what a person decides about one migration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from engine.running.pace import FULL_PACE, SLOWEST_PACE
from engine.toml.document import Document, Table
from protocol.errors import UsageProblem

SCHEMES = ("sqlite", "postgresql+psycopg", "mssql+pyodbc")
_URLS = "write sqlite:///PATH, postgresql+psycopg://HOST/NAME or mssql+pyodbc://SERVER/NAME?driver=..."
_PASSWORD_BELONGS: Final = {
    "sqlite": "take it out: a SQLite file has no password",
    "postgresql+psycopg": "take it out; put it into .pgpass, or into PGPASSWORD in the environment of the service",
    "mssql+pyodbc": "take it out; use Windows integrated authentication, or put it into SQLCMDPASSWORD in the"
    " environment of the service",
}
_USER_AND_PASSWORD: Final = re.compile(r"[^:/]*:[^@]+@")  # what SQLAlchemy takes for them, in front of the host
_SECRET_OPTIONS: Final = ("password", "pwd", "sslpassword", "odbc_connect")  # the last is a whole connection string


class SnapshotKind(StrEnum):
    """How the practice's own backup was made."""

    SQLITE_FILE = "sqlite-file"
    POSTGRESQL_DUMP = "postgresql-dump"
    MSSQL_BACKUP = "mssql-backup"


class Priority(StrEnum):
    """How the system weighs the run against everything else on the machine."""

    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """DEXIS 11's own nightly backup: a file, or a folder for a PostgreSQL directory dump."""

    kind: SnapshotKind
    path: Path


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Where DEXIS 11's data is read. `staging` is where the backup is restored, never `production`."""

    profile: str
    snapshot: Snapshot
    staging: str
    store: tuple[Path, ...]
    production: str | None = None


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """Where DEXIS 10's data is written."""

    profile: str
    database: str
    store: Path


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """Genuine DEXIS 10 samples of this practice, on which `prove` holds the target profile."""

    database: str
    store: Path


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the run behaves.

    `workers` 0 means all cores, each working `pace` percent of the time. `deadline` is when the practice opens and
    `begin` when it closes, by its own clock: without `begin` the conversion may start at any hour.
    """

    workers: int = 0
    begin: time | None = None
    deadline: time | None = None
    retries: int = 3
    pace: int = FULL_PACE
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class Settings:
    """All of job.toml. Paths are absolute."""

    source: SourceSettings
    target: TargetSettings
    samples: SampleSettings | None
    run: RunSettings


def read_settings(folder: Path) -> Settings:
    """The settings in `folder`; relative paths in them are relative to it. Raises UsageProblem with file and line."""
    path = folder / "job.toml"
    if not path.exists():
        raise UsageProblem("there is no such file", where=str(path), next_step="run init, or check --job")
    table = Document.read(path).table().only(("source", "target"), ("samples", "run"))
    return Settings(
        _source(folder, table.table("source")),
        _target(folder, table.table("target")),
        _samples(folder, table.table("samples")) if table.has("samples") else None,
        _run(table.table("run")) if table.has("run") else RunSettings(),
    )


def _source(folder: Path, table: Table) -> SourceSettings:
    table = table.only(("profile", "snapshot", "staging", "store"), ("production",))
    return SourceSettings(
        _profile(folder, table),
        _snapshot(folder, table.table("snapshot")),
        _url(folder, table, "staging"),
        tuple(folder / root for root in table.texts("store")),
        _url(folder, table, "production") if table.has("production") else None,
    )


def _snapshot(folder: Path, table: Table) -> Snapshot:
    table = table.only(("kind", "path"))
    return Snapshot(SnapshotKind(table.word("kind", SnapshotKind)), folder / table.filled_text("path"))


def _target(folder: Path, table: Table) -> TargetSettings:
    table = table.only(("profile", "database", "store"))
    return TargetSettings(_profile(folder, table), _url(folder, table, "database"), folder / table.filled_text("store"))


def _samples(folder: Path, table: Table) -> SampleSettings:
    table = table.only(("database", "store"))
    return SampleSettings(_url(folder, table, "database"), folder / table.filled_text("store"))


def _run(table: Table) -> RunSettings:
    usual, table = RunSettings(), table.only((), ("workers", "begin", "deadline", "retries", "pace", "priority"))
    return RunSettings(
        table.integer("workers", 0, 256) if table.has("workers") else usual.workers,
        _begin(table) if table.has("begin") else usual.begin,
        _time(table, "deadline") if table.has("deadline") else usual.deadline,
        table.integer("retries", 0, 20) if table.has("retries") else usual.retries,
        table.integer("pace", SLOWEST_PACE, FULL_PACE) if table.has("pace") else usual.pace,
        Priority(table.word("priority", Priority)) if table.has("priority") else usual.priority,
    )


def _begin(table: Table) -> time:
    begin = _time(table, "begin")
    if not table.has("deadline"):
        raise table.problem("begin", "run.begin needs run.deadline", next_step="say when the practice opens, too")
    if begin == _time(table, "deadline"):
        advice = "leave run.begin out if conversion may run at any hour"
        raise table.problem("begin", "run.begin and run.deadline are the same time of day", next_step=advice)
    return begin


def _time(table: Table, key: str) -> time:
    text = table.text(key)
    try:
        return time.fromisoformat(text if len(text) == len("07:30") else "")
    except ValueError:
        raise table.problem(key, f"{text!r} is no time of day", next_step="write it as HH:MM, such as 07:30") from None


def _profile(folder: Path, table: Table) -> str:
    """A bundled profile's id as it is; a path from the job's folder."""
    ref = table.filled_text("profile")
    return str(folder / ref) if ref.endswith(".toml") else ref


def _url(folder: Path, table: Table, key: str) -> str:
    """A database URL; the file of a SQLite one is anchored in the job's folder. A password is refused, unquoted."""
    url = table.filled_text(key)
    scheme, given, rest = url.partition("://")
    if not given or scheme not in SCHEMES:
        raise table.problem(key, f"{table.dotted(key)} is not a database URL", next_step=_URLS)
    if _holds_password(rest):
        what = f"{table.dotted(key)} holds a password; none may stand in job.toml"
        raise table.problem(key, what, next_step=_PASSWORD_BELONGS[scheme])
    return f"sqlite:///{folder / rest.removeprefix('/')}" if scheme == "sqlite" else url


def _holds_password(rest: str) -> bool:
    """Whether what follows `SCHEME://` carries a secret, before the host or among the options."""
    options = parse_qsl(rest.partition("?")[2], keep_blank_values=True)
    return bool(_USER_AND_PASSWORD.match(rest)) or any(name.strip().lower() in _SECRET_OPTIONS for name, _ in options)
