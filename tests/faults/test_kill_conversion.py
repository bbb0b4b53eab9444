"""kill -9 at every durable step of the conversion, run again: before or after, never between."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.phases import convert
from engine.phases.convert import Sleep
from protocol.vocabulary import Phase, Verdict
from tests.engine.tiny import Tiny, run_phase
from tests.faults.conftest import Planned
from tests.faults.killing import died_at

pytestmark = pytest.mark.fault

# Passages of each failpoint in one undisturbed conversion of the tiny practice: 3 patients with 4, 2 and 0 images.
PASSAGES = {
    "after-incoming": 1,
    "after-intent": 3,
    "before-sync": 6,
    "after-write": 6,
    "after-prepare": 3,
    "after-insert": 3,
    "after-folder": 3,
    "after-link": 6,
    "after-folder-sync": 5,
    "before-commit": 3,
    "after-commit": 3,
    "after-done": 3,
    "before-clean": 1,
}
IN_RECOVERY = {
    "after-remove": "before-commit:1",
    "before-undone": "before-commit:1",
    "after-undone": "before-commit:1",
    "after-write": "after-link:2",
}


def _never(seconds: float) -> None:
    raise AssertionError("an undisturbed disk needs no second attempt")


def _convert(tiny: Tiny, sleep: Sleep = _never) -> None:
    result, told = run_phase(convert.run, Phase.CONVERT, tiny, sleep=sleep)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}, told.findings


def _rows_without_file(tiny: Tiny) -> set[str]:
    return {row[1] for row in tiny.target_rows()["activitylog"]} - tiny.store_content().keys()


@pytest.mark.parametrize(("point", "passage"), [(name, n + 1) for name, many in PASSAGES.items() for n in range(many)])
def test_killed_at_any_step_and_run_again_it_ends_as_if_nothing_had_happened(
    planned: Planned, tmp_path: Path, point: str, passage: int
) -> None:
    tiny = planned.copy(tmp_path / "killed")
    assert died_at(point, passage, lambda: _convert(tiny))
    assert not _rows_without_file(tiny)
    _convert(tiny)
    assert tiny.end_state() == planned.undisturbed


def test_every_failpoint_is_passed_as_often_as_the_table_says(planned: Planned, tmp_path: Path) -> None:
    for name, many in PASSAGES.items():
        tiny = planned.copy(tmp_path / name)
        assert not died_at(name, many + 1, lambda tiny=tiny: _convert(tiny))  # type: ignore[misc]


@pytest.mark.parametrize(("second", "first"), IN_RECOVERY.items())
def test_killed_again_during_recovery_it_still_ends_the_same(
    planned: Planned, tmp_path: Path, second: str, first: str
) -> None:
    tiny = planned.copy(tmp_path / "killed")
    point, _, passage = first.partition(":")
    assert died_at(point, int(passage), lambda: _convert(tiny))
    assert died_at(second, 1, lambda: _convert(tiny))
    _convert(tiny)
    assert tiny.end_state() == planned.undisturbed
