"""The options every verb shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.errors import UsageProblem


@dataclass(frozen=True, slots=True)
class Options:
    """`home`: the hub's folder. `json`: one object on stdout, nothing else."""

    home: Path | None = None
    json: bool = False

    @property
    def folder(self) -> Path:
        """The hub's folder; UsageProblem when it was not given."""
        if self.home is None:
            raise UsageProblem("which hub?", next_step="name its folder: bitewing-console --home DIR VERB")
        return self.home
