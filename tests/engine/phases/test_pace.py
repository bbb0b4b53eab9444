"""Every long phase hands the pace of the moment to each piece of work."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.phases import convert, dry_run, reconcile
from engine.running import workers
from engine.running.control import Uncontrolled
from protocol.vocabulary import Phase
from tests.engine.tiny import TinyPractice, run_phase


def test_dry_run_conversion_and_reconciliation_keep_the_pace_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = TinyPractice().build(tmp_path / "practice")
    kept: list[int] = []
    monkeypatch.setattr(workers, "rest", lambda worked, pace: kept.append(pace) or 0.0)

    class Slower(Uncontrolled):
        """Ten percent less at every patient."""

        def checkpoint(self) -> None:
            self.pace = max(10, self.pace - 10)

    for phase, function in (
        (Phase.DRY_RUN, dry_run.run),
        (Phase.CONVERT, convert.run),
        (Phase.RECONCILE, reconcile.run),
    ):
        kept.clear()
        run_phase(function, phase, tiny, control=Slower())
        assert len(kept) >= 3 and len(set(kept)) >= 2, phase
        assert kept == sorted(kept, reverse=True), phase
