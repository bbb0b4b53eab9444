"""The options every verb shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.errors import UsageProblem


@dataclass(frozen=True, slots=True)
class Options:
    """`json`: one object on stdout at the end. `events`: JSON lines on stdout, control words on stdin."""

    job: Path | None = None
    json: bool = False
    events: bool = False

    @property
    def folder(self) -> Path:
        if self.job is None:
            raise UsageProblem("which job?", next_step="name its folder: bitewing-engine --job DIR VERB")
        return self.job
