"""kill -9 at every durable step of a top-up, run again: each change is made whole or not at all."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.phases import convert, dry_run
from protocol.vocabulary import Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, dicom, run_phase
from tests.faults.killing import died_at

pytestmark = pytest.mark.fault

# Passages in one undisturbed top-up: a renamed patient with 4 images, one who is gone with 2, one who is new with 1.
PASSAGES = {
    "after-intent": 3,
    "after-prepare": 2,
    "after-delete": 2,
    "after-insert": 3,
    "after-link": 5,
    "before-commit": 3,
    "after-commit": 3,
    "after-old-file": 6,
    "after-done": 3,
    "before-clean": 1,
}


@dataclass(frozen=True)
class Planned:
    """A practice whose top-up is planned, to be copied for each kill, and the end of a top-up that nothing disturbs."""

    folder: Path
    undisturbed: Any

    def copy(self, to: Path) -> Tiny:
        shutil.copytree(self.folder, to, copy_function=shutil.copy2)
        return Tiny(to / "job")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    folder = tmp_path_factory.mktemp("top-up") / "planned"
    practice = TinyPractice()
    tiny = practice.build(folder)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    _convert(tiny)
    practice.row("patient", 1)["family_name"] = "Married"
    practice.rows["patient"][1:2] = [{**practice.row("patient", 2), "id": 4, "practice_pms_id": "000204"}]
    practice.rows["media"] = [row for row in practice.rows["media"] if row["series_id"] != 211]
    practice.rows["study"][2] |= {"patient_id": 4}
    practice.add_image(7, 211, "1.2.21/g.dcm", dicom(7))
    practice.restage(tiny)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    undisturbed = Planned(folder, None).copy(folder.parent / "undisturbed")
    _convert(undisturbed)
    return Planned(folder, undisturbed.end_state())


def _convert(tiny: Tiny) -> None:
    result, told = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}, told.findings


def _rows_without_file(tiny: Tiny) -> set[str]:
    return {row[1] for row in tiny.target_rows()["activitylog"]} - tiny.store_content().keys()


def _families(tiny: Tiny) -> list[str]:
    return [row[2] for row in tiny.target_rows()["personname"]]


@pytest.mark.parametrize(("point", "passage"), [(name, n + 1) for name, many in PASSAGES.items() for n in range(many)])
def test_killed_at_any_step_of_a_top_up_and_run_again_it_ends_as_if_nothing_had_happened(
    planned: Planned, tmp_path: Path, point: str, passage: int
) -> None:
    tiny = planned.copy(tmp_path / "killed")
    assert died_at(point, passage, lambda: _convert(tiny))
    assert not _rows_without_file(tiny)
    assert sum(name in ("Married", "Ödegård") for name in _families(tiny)) == 1
    _convert(tiny)
    assert tiny.end_state() == planned.undisturbed


def test_every_step_is_passed_as_often_as_the_table_says(planned: Planned, tmp_path: Path) -> None:
    for name, many in PASSAGES.items():
        tiny = planned.copy(tmp_path / name)
        assert not died_at(name, many + 1, lambda tiny=tiny: _convert(tiny))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("before-commit:1", "after-remove"),
        ("before-commit:1", "after-undone"),
        ("after-commit:1", "after-old-file"),
        ("after-old-file:2", "after-old-file"),
        ("after-delete:2", "after-delete"),
        ("after-commit:3", "after-old-file"),
    ],
)
def test_killed_again_during_recovery_it_still_ends_the_same(
    planned: Planned, tmp_path: Path, first: str, second: str
) -> None:
    tiny = planned.copy(tmp_path / "killed")
    point, _, passage = first.partition(":")
    assert died_at(point, int(passage), lambda: _convert(tiny))
    assert died_at(second, 1, lambda: _convert(tiny))
    _convert(tiny)
    assert tiny.end_state() == planned.undisturbed
