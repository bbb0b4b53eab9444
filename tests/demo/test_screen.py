"""What the demo's screen says beside the bar of a phase."""

from __future__ import annotations

import pytest

from demo.screen import counted
from protocol.messages import PhaseProgress
from protocol.vocabulary import Phase, PhaseState


@pytest.mark.parametrize(
    ("phase", "images", "text"),
    [(Phase.STAGE, 0, "7 s left"), (Phase.CONVERT, 1200, "600 of 1,200 images  7 s left")],
)
def test_a_fraction_is_shown_only_of_what_is_counted(phase: Phase, images: int, text: str) -> None:
    done = images // 2
    progress = PhaseProgress(phase, 0, 0, done, images, 0, None, 5.0, 7.0, PhaseState.RUNNING, None)
    assert counted(progress) == text
