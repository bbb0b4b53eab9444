"""One migration's settings (job.toml) and its folder. Everything in the folder may hold patient data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from engine.settings_file import line_of, read_toml
from protocol.errors import UsageProblem

Text = Annotated[str, msgspec.Meta(min_length=1)]


class SnapshotKind(StrEnum):
    """How the practice's own backup was made."""

    SQLITE_FILE = "sqlite-file"
    POSTGRESQL_DUMP = "postgresql-dump"
    MSSQL_BACKUP = "mssql-backup"


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """DEXIS 11's own nightly backup: a file, or a folder for a PostgreSQL directory dump."""

    kind: SnapshotKind
    path: Path


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where DEXIS 11's data is read. `staging` is where the backup is restored, never `production`."""

    profile: Text
    snapshot: Snapshot
    staging: Text
    store: Annotated[tuple[Path, ...], msgspec.Meta(min_length=1)]
    production: Text | None = None


class TargetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where DEXIS 10's data is written."""

    profile: Text
    database: Text
    store: Path


class SampleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Genuine DEXIS 10 samples of this practice, on which `prove` holds the target profile."""

    database: Text
    store: Path


class RunSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the run behaves. `workers` 0 means all cores; `deadline` HH:MM is when the practice opens."""

    workers: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    deadline: Annotated[str, msgspec.Meta(pattern=r"\A([01]\d|2[0-3]):[0-5]\d\Z", examples=["07:30"])] | None = None
    retries: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3

    @property
    def deadline_time(self) -> time | None:
        return time.fromisoformat(self.deadline) if self.deadline else None


class _JobFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: SourceSettings
    target: TargetSettings
    samples: SampleSettings | None = None
    run: RunSettings = RunSettings()


class _RunFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    run: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    digest_key: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    created: int


@dataclass(frozen=True)
class Job:
    """A job: settings, the run's identity and the places of its files.

    `digest_key` (32 bytes) blinds the set digests of this run and never leaves the practice.
    """

    folder: Path
    source: SourceSettings
    target: TargetSettings
    samples: SampleSettings | None
    run: RunSettings
    run_id: str
    digest_key: bytes

    @staticmethod
    def load(folder: Path) -> Job:
        """The job in `folder`. Raises UsageProblem naming file, line and what is allowed."""
        folder = folder.resolve()
        settings = _anchored(folder, load_settings(folder))
        run = _run_file(folder / "run.json")
        return Job(
            folder,
            settings.source,
            settings.target,
            settings.samples,
            settings.run,
            run.run,
            bytes.fromhex(run.digest_key),
        )

    @property
    def plan_path(self) -> Path:
        return self.folder / "plan.sqlite"

    @property
    def journal_path(self) -> Path:
        return self.folder / "journal.sqlite"

    @property
    def ledger_path(self) -> Path:
        return self.folder / "ledger.jsonl"

    @property
    def findings_path(self) -> Path:
        return self.folder / "findings.jsonl"

    @property
    def fingerprint_path(self) -> Path:
        return self.folder / "source-fingerprint.json"

    @property
    def identity_path(self) -> Path:
        return self.folder / "identity.key"

    @property
    def report_folder(self) -> Path:
        return self.folder / "report"


def load_settings(folder: Path) -> _JobFile:
    """job.toml, checked. Raises UsageProblem."""
    path = folder / "job.toml"
    settings = read_toml(path, _JobFile)
    for section, url in _urls(settings):
        if not _is_url(url):
            line = line_of(path.read_text(encoding="utf-8"), section.split("."))
            raise UsageProblem(
                f"{section}: not a database URL",
                where=f"{path}, line {line}",
                next_step="write sqlite:///PATH, postgresql+psycopg://HOST/NAME or mssql+pyodbc://SERVER/NAME?driver=...",
            )
    return settings


def _urls(settings: _JobFile) -> list[tuple[str, str]]:
    urls = [("source.staging", settings.source.staging), ("target.database", settings.target.database)]
    if settings.source.production:
        urls.append(("source.production", settings.source.production))
    if settings.samples:
        urls.append(("samples.database", settings.samples.database))
    return urls


def _is_url(text: str) -> bool:
    scheme = text.partition("://")[0]
    return scheme in ("sqlite", "postgresql+psycopg", "mssql+pyodbc") and "://" in text


def _anchored(folder: Path, settings: _JobFile) -> _JobFile:
    """Relative paths are relative to the job's folder, wherever a command is started from."""
    source, target, samples = settings.source, settings.target, settings.samples
    replace = msgspec.structs.replace
    source = replace(
        source,
        profile=_profile(folder, source.profile),
        snapshot=replace(source.snapshot, path=folder / source.snapshot.path),
        staging=_url(folder, source.staging),
        production=_url(folder, source.production) if source.production else None,
        store=tuple(folder / root for root in source.store),
    )
    target = replace(
        target,
        profile=_profile(folder, target.profile),
        database=_url(folder, target.database),
        store=folder / target.store,
    )
    if samples:
        samples = replace(samples, database=_url(folder, samples.database), store=folder / samples.store)
    return replace(settings, source=source, target=target, samples=samples)


def _profile(folder: Path, ref: str) -> str:
    return str(folder / ref) if ref.endswith(".toml") else ref


def _url(folder: Path, url: str) -> str:
    prefix = "sqlite:///"
    return f"{prefix}{folder / url.removeprefix(prefix)}" if url.startswith(prefix) else url


def _run_file(path: Path) -> _RunFile:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_RunFile)
    except FileNotFoundError:
        raise UsageProblem(
            "this job has not been initialised", where=str(path.parent), next_step="run bitewing-engine --job DIR init"
        ) from None
    except OSError as error:
        raise UsageProblem(
            f"cannot be read ({error.strerror})", where=str(path), next_step="check permissions, or restore it"
        ) from error
    except msgspec.DecodeError:
        raise UsageProblem(
            "damaged, or not written by init", where=str(path), next_step="restore it from backup"
        ) from None


def new_run_file(run: str, digest_key: bytes, created: int) -> bytes:
    """The content of run.json for a new run."""
    return json.dumps({"run": run, "digest_key": digest_key.hex(), "created": created}).encode() + b"\n"
