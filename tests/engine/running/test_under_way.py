"""How far a phase has come is kept for others to look at, and nothing depends on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.events import Doing, Event, PhaseEnded, PhaseStarted, Progress
from engine.running.under_way import EVERY_SECONDS, FRESH_SECONDS, Keeper, read
from protocol.vocabulary import Outcome, Phase


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def progress(images: int, *, paused: bool = False, doing: Doing | None = None) -> Progress:
    return Progress(Phase.CONVERT, 1, 2, images, 100, 0, None, None, None, paused, doing=doing)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "progress.json"


def test_every_event_is_passed_on_and_the_newest_progress_is_kept_now_and_then(place: Path) -> None:
    told: list[Event] = []
    clock = Clock()
    keeper = Keeper(place, told.append, clock)
    keeper(PhaseStarted(Phase.CONVERT))
    keeper(progress(1))
    keeper(progress(2))
    assert read(place, 0) == progress(1)
    clock.seconds += EVERY_SECONDS
    keeper(progress(3))
    assert read(place, 0) == progress(3)
    assert told == [PhaseStarted(Phase.CONVERT), *(progress(images) for images in (1, 2, 3))]


@pytest.mark.parametrize("standing", [progress(1, paused=True), progress(1, doing=Doing.SOURCE)])
def test_where_no_image_passes_that_is_kept_at_once_and_does_not_grow_old(place: Path, standing: Progress) -> None:
    keeper = Keeper(place, lambda event: None, Clock())
    keeper(progress(1))
    keeper(standing)
    os.utime(place, (0, 0))
    assert read(place, FRESH_SECONDS * 2) == standing


def test_nothing_is_left_when_the_phase_has_ended(place: Path) -> None:
    keeper = Keeper(place, lambda event: None, Clock())
    keeper(progress(1))
    keeper(PhaseEnded(Phase.CONVERT, Outcome.DONE, 1.0))
    assert read(place, 0) is None and not list(place.parent.iterdir())


def test_what_is_old_or_damaged_is_not_believed(place: Path) -> None:
    Keeper(place, lambda event: None, Clock())(progress(1))
    os.utime(place, (0, 0))
    assert read(place, FRESH_SECONDS - 1) and read(place, FRESH_SECONDS + 1) is None
    place.write_bytes(b"{")
    assert read(place, 0) is None


def test_a_disk_that_refuses_ends_nothing(tmp_path: Path) -> None:
    told: list[Event] = []
    keeper = Keeper(tmp_path / "gone" / "progress.json", told.append, Clock())
    keeper(progress(1))
    keeper(PhaseEnded(Phase.CONVERT, Outcome.DONE, 1.0))
    assert len(told) == 2
