"""One planned tiny practice for all fault tests, and the end state of a conversion that nothing disturbed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.phases import convert, dry_run
from protocol.vocabulary import Phase
from tests.engine.tiny import Tiny, TinyPractice, run_phase


@dataclass(frozen=True)
class Planned:
    """A practice whose dry run is done, to be copied for each fault."""

    folder: Path
    undisturbed: Any

    def copy(self, to: Path) -> Tiny:
        shutil.copytree(self.folder, to)
        return Tiny(to / "job")


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    folder = tmp_path_factory.mktemp("faults") / "planned"
    tiny = TinyPractice().build(folder)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    undisturbed = Planned(folder, None).copy(folder.parent / "undisturbed")
    run_phase(convert.run, Phase.CONVERT, undisturbed)
    return Planned(folder, undisturbed.end_state())
