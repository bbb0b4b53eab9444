"""Nights after nights, each killed again and again: whoever came, changed or went, the end is exact."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.failpoints import STEPS, arm, killing
from engine.phases import convert, dry_run, reconcile
from protocol.vocabulary import Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, dicom, run_phase
from tests.faults.processes import apart

pytestmark = pytest.mark.fault


def _convert(tiny: Tiny) -> None:
    result, told = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}, told.findings


def _killed(tiny: Tiny, point: str) -> None:
    arm(killing(point))
    _convert(tiny)


def _rows_without_file(tiny: Tiny) -> set[str]:
    return {row[1] for row in tiny.target_rows()["activitylog"]} - tiny.store_content().keys()


@pytest.mark.parametrize("seed", range(3))
def test_nights_after_nights_with_kills_in_each_end_exact(tmp_path: Path, seed: int) -> None:
    chance, practice = random.Random(seed), TinyPractice()
    tiny = practice.build(tmp_path / "practice")
    for night in range(4):
        run_phase(dry_run.run, Phase.DRY_RUN, tiny)
        for _ in range(3):
            point = f"{chance.choice(list(STEPS))}:{chance.randint(1, 3)}"
            assert apart(lambda point=point: _killed(tiny, point)).error is None  # type: ignore[misc]
            assert not _rows_without_file(tiny), point
        _convert(tiny)
        if night < 3:
            _another_day(practice, night, chance)
            practice.restage(tiny)
    result, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}, told.findings


def _another_day(practice: TinyPractice, night: int, chance: random.Random) -> None:
    """Somebody is renamed; somebody comes, with an image, or goes."""
    people = practice.rows["patient"]
    chance.choice(people)["given_name"] = f"Night{night}"
    key = 60 + night
    if chance.random() < 0.7:
        people.append({**people[0], "id": key, "practice_pms_id": f"0003{key}"})
        visit = {**practice.row("study", 11), "id": key, "patient_id": key, "study_instance_uid": f"1.2.{key}"}
        practice.rows["study"].append(visit)
        series = {**practice.row("series", 111), "id": key, "study_id": key, "series_instance_uid": f"1.7.{key}"}
        practice.rows["series"].append(series)
        practice.add_image(key - 30, key, f"1.2.{key}/n.dcm", dicom(key))
    elif len(people) > 2:
        people.remove(chance.choice(people))
