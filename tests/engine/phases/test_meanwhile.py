"""A phase that works long without an image says what it does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.events import Doing
from engine.phases import PhaseResult, convert, dry_run, reconcile
from protocol.vocabulary import Phase
from tests.engine.tiny import TinyPractice, run_phase

NIGHT: dict[Phase, tuple[Callable[..., PhaseResult], list[Doing]]] = {
    Phase.DRY_RUN: (dry_run.run, [Doing.TARGET, Doing.DOUBLES, Doing.TARGET, Doing.SOURCE]),
    Phase.CONVERT: (convert.run, [Doing.ARRIVALS, Doing.STANDING, Doing.SOURCE]),
    Phase.RECONCILE: (reconcile.run, [Doing.ROWS_AND_FILES, Doing.LEFTOVERS, Doing.SOURCE]),
}


def test_each_phase_says_what_goes_on_before_the_first_image_and_after_the_last(tmp_path: Path) -> None:
    tiny = TinyPractice().build(tmp_path / "practice")
    for phase, (run, expected) in NIGHT.items():
        _, told = run_phase(run, phase, tiny)
        said = [event for event in told.progress if event.doing]
        assert [event.doing for event in said] == expected
        assert (said[0].images_done, said[-1].images_done) == (0, said[-1].images_total)
        assert told.progress[-1].doing is None  # in the end it says how many images there were
