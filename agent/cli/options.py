"""The options every verb shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.errors import UsageProblem


@dataclass(frozen=True, slots=True)
class Options:
    """`job`: the job's folder. `json`: JSON on stdout, and nothing else."""

    job: Path | None = None
    json: bool = False

    @property
    def folder(self) -> Path:
        """The job's folder, absolute. Raises UsageProblem if none was named."""
        if self.job is None:
            raise UsageProblem("which job?", next_step="name its folder: bitewing-agent --job DIR VERB")
        if not self.job.is_dir():
            raise UsageProblem("there is no such folder", where=str(self.job), next_step="check --job")
        return self.job.resolve()
