"""The progress line says what a phase really counts, and no fraction of something unknown."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.cli.screen import Screen, size
from engine.events import Doing, Event, PhaseEnded, PhaseStarted, Progress
from protocol.vocabulary import Outcome, Phase


def shown(capsys: pytest.CaptureFixture[str], *events: Event) -> str:
    with Screen(quiet=False) as screen:
        for event in events:
            screen.show(event)
    return capsys.readouterr().err


def of_stage(**done: int) -> Progress:
    return Progress(Phase.STAGE, 0, 0, 0, 0, done.pop("bytes", 0), None, None, None, **done)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (of_stage(), ""),
        (of_stage(bytes=3 << 30), "3.0 GiB restored"),
        (
            of_stage(bytes=98 << 10, rows_done=1_234_567, files_done=12),
            "98 KiB restored, 1,234,567 rows read",
        ),
    ],
    ids=["nothing yet", "backup", "all"],
)
def test_stage_shows_what_it_restored_read_and_listed(
    capsys: pytest.CaptureFixture[str], progress: Progress, words: str
) -> None:
    said = shown(capsys, PhaseStarted(Phase.STAGE), progress, PhaseEnded(Phase.STAGE, Outcome.DONE, 12.0))
    assert words in " ".join(said.split()) and "took 12 s" in said
    assert " of " not in said and "images" not in said


def test_a_phase_with_images_shows_how_many_of_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    halfway = Progress(Phase.CONVERT, 1, 3, 1_000, 2_000, 7, 50.0, 20.0, 20.0)
    said = shown(capsys, PhaseStarted(Phase.CONVERT), halfway)
    assert "1,000 of 2,000 images" in said and "50/s" in said and "20 s left" in said


def test_where_no_image_passes_it_says_what_goes_on_instead(capsys: pytest.CaptureFixture[str]) -> None:
    done = Progress(Phase.CONVERT, 3, 3, 2_000, 2_000, 7, 50.0, 0.0, 0.0)
    said = shown(capsys, PhaseStarted(Phase.CONVERT), done, replace(done, doing=Doing.SOURCE))
    assert "checking the source again" in said
    assert "50/s" not in said and "left" not in said


def test_sizes_are_told_as_people_say_them() -> None:
    assert [size(count) for count in (0, 98 << 10, 257 << 20, 3 << 40)] == ["0 B", "98 KiB", "257.0 MiB", "3.0 TiB"]
