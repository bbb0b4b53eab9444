"""One migration: its settings, its run and its folder. Everything in the folder may hold patient data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from engine.settings import RunSettings, SampleSettings, SourceSettings, TargetSettings, read_settings
from protocol.errors import UsageProblem


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
        settings = read_settings(folder)
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
    def listing_path(self) -> Path:
        return self.folder / "source-files.gz"

    @property
    def content_path(self) -> Path:
        """How far reading every source file again has come, while it is under way."""
        return self.folder / "source-content.json"

    @property
    def progress_path(self) -> Path:
        """How far the running phase has come, for `status`; only while one runs."""
        return self.folder / "progress.json"

    @property
    def identity_path(self) -> Path:
        return self.folder / "identity.key"

    @property
    def report_folder(self) -> Path:
        return self.folder / "report"


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
