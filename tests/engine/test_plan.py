"""The plan: complete or not there, the same twice, and nothing of it can change unnoticed."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from engine.model import Category, Image, Patient, PatientRecord, Series, Sex, Study
from engine.numbers import Numbers
from engine.orientation import Orientation
from engine.plan.reader import Plan
from engine.plan.values import Change, PlanHeader, PlannedImage, PlannedPatient, PlanTotals, Round, SkippedImage
from engine.plan.writer import Base, PlanWriter
from engine.source.content import FileRead
from engine.target.keys import Keys
from engine.teeth import Tooth
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import FindingCode, Refusal

HEADER = PlanHeader("a" * 32, "b" * 64, "c" * 64, {"patient": 0, "study": 1, "series": 2, "image": 3}, 4)
WHEN = datetime.fromisoformat("2019-03-04T10:30:00.125")


def _image(key: str, uid: str) -> Image:
    teeth = (Tooth(3, 6), Tooth(5, 2))
    return Image(
        key, "s", "p", uid, f"1.2/{key}", WHEN, Category.PANORAMIC, Orientation(3, True), teeth, None, number=1
    )


def _patient(number: int, chart: str | None = "000123", uid: str = "1.2.3", size: int = 1000) -> PlannedPatient:
    person = Patient(f"p{number}", "Ödegård", "小明", None, Sex.OTHER, date(1971, 5, 1), chart)
    record = PatientRecord(
        person,
        (Study("st", "p", "1.2", "Check-up", WHEN),),
        (Series("s", "st", "p", "1.2.9", None),),
        (_image("i1", uid), _image("i2", f"{uid}.{number}")),
        (),
    )
    key = 10 * number
    image = PlannedImage("i1", key, "1.2/i1", 5, "d" * 64, f"Images/{key}", size, "e" * 64, "f" * 32)
    skipped = SkippedImage("i2", key + 1, "1.2/i2", FindingCode.MISSING_FILE)
    keys = Keys({f"p{number}": number}, {"st": 1}, {"s": 1}, {"i1": key, "i2": key + 1})
    return PlannedPatient(number, record, keys, (image,), (skipped,), 9, "9" * 64)


def _written(path: Path, *patients: PlannedPatient) -> Plan:
    writer = PlanWriter(path, HEADER)
    for patient in patients:
        writer.add(patient)
    writer.finish()
    return Plan(path)


def test_a_planned_patient_reads_back_equal(tmp_path: Path) -> None:
    plan = _written(tmp_path / "plan.sqlite", _patient(1), _patient(2, uid="1.9"))
    assert plan.patient(2) == _patient(2, uid="1.9")
    assert plan.header == HEADER
    plan.close()


def test_what_was_read_and_is_not_converted_reads_back_equal(tmp_path: Path) -> None:
    plan = _written(tmp_path / "plan.sqlite", _with_content(_patient(1)))
    assert plan.patient(1) == _with_content(_patient(1))
    assert list(plan.source_files()) == [(1, (FileRead("1.2/i1", "d" * 64), FileRead("1.2/i2", "0" * 64)))]
    assert list(plan.source_files(after=1)) == [] and plan.source_file_counts() == (2, 2)
    plan.close()


def test_patients_with_most_bytes_come_first(tmp_path: Path) -> None:
    patients = [_patient(number, size=size) for number, size in ((1, 10), (2, 30), (3, 20), (4, 30))]
    plan = _written(tmp_path / "plan.sqlite", *patients)
    assert list(plan.numbers()) == [2, 4, 3, 1]
    plan.close()


def test_totals_are_those_of_the_patients_asked_for(tmp_path: Path) -> None:
    plan = _written(tmp_path / "plan.sqlite", _patient(1), _patient(2), _patient(3))
    assert plan.totals == PlanTotals(3, 3, 3, 3, 3, 3000, 27)
    assert plan.totals_of(Numbers([3, 1])) == PlanTotals(2, 2, 2, 2, 2, 2000, 18)
    plan.close()


def test_an_unfinished_plan_is_not_there_and_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.sqlite"
    with pytest.raises(Refused) as refused:
        Plan(path)
    assert refused.value.reason is Refusal.EVIDENCE_MISSING
    digest = _written(path, _patient(1)).digest
    writer = PlanWriter(path, HEADER)
    writer.add(_patient(2))
    writer.abandon()
    assert Plan(path).digest == digest
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.sqlite"]


def test_what_a_killed_dry_run_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "plan.new").write_bytes(b"half a plan")
    assert _written(tmp_path / "plan.sqlite", _patient(1)).totals.patients == 1


def test_the_same_plan_has_the_same_digest_twice(tmp_path: Path) -> None:
    first = _written(tmp_path / "one.sqlite", _patient(1), _patient(2))
    second = _written(tmp_path / "two.sqlite", _patient(1), _patient(2))
    assert first.digest == second.digest


def _with_content(one: PlannedPatient) -> PlannedPatient:
    """The same patient, the file of whose image that is not converted was read."""
    return dataclasses.replace(one, skipped=(dataclasses.replace(one.skipped[0], source_sha256="0" * 64),))


CHANGES: dict[str, Callable[[PlannedPatient], PlannedPatient]] = {
    "a name": lambda one: dataclasses.replace(
        one,
        record=dataclasses.replace(one.record, patient=dataclasses.replace(one.record.patient, family_name="Odegard")),
    ),
    "a file": lambda one: dataclasses.replace(one, images=(dataclasses.replace(one.images[0], sha256="0" * 64),)),
    "a path": lambda one: dataclasses.replace(one, images=(dataclasses.replace(one.images[0], path="x"),)),
    "a source file": lambda one: dataclasses.replace(
        one, images=(dataclasses.replace(one.images[0], source_sha256="0" * 64),)
    ),
    "rows": lambda one: dataclasses.replace(one, rows_digest="0" * 64),
    "a reason": lambda one: dataclasses.replace(
        one, skipped=(dataclasses.replace(one.skipped[0], code=FindingCode.TRUNCATED),)
    ),
    "what is not converted": _with_content,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_plan_that_differs_in_anything_has_another_digest(tmp_path: Path, change: str) -> None:
    plan = _written(tmp_path / "one.sqlite", _patient(1))
    other = _written(tmp_path / "two.sqlite", CHANGES[change](_patient(1)))
    assert plan.digest != other.digest


def test_shared_chart_numbers_and_uids_are_found_and_empty_ones_are_not_shared(tmp_path: Path) -> None:
    writer = PlanWriter(tmp_path / "plan.sqlite", HEADER)
    for patient in (_patient(1, "7", "1.1"), _patient(2, "8", "1.2"), _patient(3, "7", "1.2")):
        writer.add(patient)
    for patient in (_patient(4, "", "1.4"), _patient(5, "", "1.5"), _patient(6, None, "1.6"), _patient(7, None, "1.7")):
        writer.add(patient)
    assert list(writer.duplicate_charts()) == [("p1", "7"), ("p3", "7")]
    assert list(writer.duplicate_uids()) == [("p2", "i1", "1.2"), ("p3", "i1", "1.2")]
    writer.abandon()


def test_files_of_the_source_that_some_row_speaks_of_are_known(tmp_path: Path) -> None:
    writer = PlanWriter(tmp_path / "plan.sqlite", HEADER)
    writer.add_source_files(["1.2/i1", "1.2/i2", "1.2/i1"])
    writer.finish()
    plan = Plan(tmp_path / "plan.sqlite")
    assert plan.named_sources(("1.2/i1", "1.2/i2", "1.2/i3")) == {"1.2/i1", "1.2/i2"}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (("0" * 32, "b" * 64, "c" * 64), Refusal.WRONG_RUN),
        (("a" * 32, "0" * 64, "c" * 64), Refusal.EVIDENCE_NOT_NEWEST),
        (("a" * 32, "b" * 64, "0" * 64), Refusal.EVIDENCE_NOT_NEWEST),
    ],
)
def test_a_plan_of_another_run_or_profile_is_refused(
    tmp_path: Path, found: tuple[str, str, str], reason: Refusal
) -> None:
    plan = _written(tmp_path / "plan.sqlite", _patient(1))
    plan.require("a" * 32, "b" * 64, "c" * 64)
    with pytest.raises(Refused) as refused:
        plan.require(*found)
    assert refused.value.reason is reason


@pytest.mark.parametrize("damage", ["not a database", "cut", "no record"])
def test_a_damaged_plan_is_an_environment_problem(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "plan.sqlite"
    _written(path, _patient(1)).close()
    if damage == "not a database":
        path.write_bytes(b"x" * 4096)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with sqlite3.connect(path) as database:
            database.execute("UPDATE patient SET record = x'7b7d'")
    with pytest.raises(EnvironmentProblem):
        Plan(path).patient(1)


def _again(patient: PlannedPatient, number: int) -> PlannedPatient:
    """The same patient with another name, written anew under other keys."""
    fresh = _patient(number)
    person = dataclasses.replace(patient.record.patient, family_name="Married")
    record = dataclasses.replace(patient.record, patient=person)
    return dataclasses.replace(fresh, record=record, keys=dataclasses.replace(fresh.keys, patient={person.key: number}))


@pytest.fixture
def topped_up(tmp_path: Path) -> Plan:
    """Of three patients one stays, one comes again, one is gone; and one is new, after a number that nobody got."""
    path = tmp_path / "plan.sqlite"
    first = _written(path, _patient(1, "1"), _patient(2, "2", uid="1.9"), _patient(3, "3", uid="1.7"))
    base = Base(path, first.digest, frozenset(), "c" * 64, first.last_number + 1, first.last_keys, first.rounds, 3)
    first.close()
    header = dataclasses.replace(HEADER, previous=base.digest, first=base.first, handed_out=base.handed_out)
    writer = PlanWriter(path, header, base)
    writer.keep(1)
    writer.add(_again(_patient(2, "2", uid="1.9"), 4))
    writer.add(_patient(6, "6", uid="1.6"))
    writer.carry_over()
    assert list(writer.duplicate_charts()) == list(writer.duplicate_uids()) == list(writer.shared_paths()) == []
    writer.finish()
    return Plan(path)


def test_a_top_up_holds_who_stays_who_comes_and_who_leaves(topped_up: Plan) -> None:
    assert sorted(topped_up.numbers()) == [1, 4, 6]
    assert list(topped_up.changes()) == [4, 6, 7]
    assert topped_up.leaving() == {4: 2, 7: 3}
    assert topped_up.change(4) == Change(4, topped_up.patient(4), _patient(2, "2", uid="1.9"))
    assert topped_up.change(6) == Change(6, _patient(6, "6", uid="1.6"), None)
    assert topped_up.change(7) == Change(7, None, _patient(3, "3", uid="1.7"))
    assert topped_up.rounds == (Round(new=3), Round(kept=1, changed=1, new=1, gone=1))
    assert (topped_up.totals.patients, topped_up.work.patients, topped_up.files_held(topped_up.changes())) == (3, 2, 3)
    assert (topped_up.last_number, topped_up.last_keys["image"]) == (7, 61)
    topped_up.require_untouched()
    topped_up.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE patient SET leaves_with = 6 WHERE number = 3",
        "UPDATE image SET sha256 = replace(sha256, 'e', 'f') WHERE number = 2",
        "UPDATE patient SET rows_digest = 'x' WHERE number = 3",
        "DELETE FROM patient WHERE number = 3",
    ],
)
def test_what_leaves_cannot_be_changed_unnoticed(topped_up: Plan, tmp_path: Path, change: str) -> None:
    topped_up.close()
    with sqlite3.connect(tmp_path / "plan.sqlite") as database:
        database.execute(change)
    with pytest.raises(Refused):
        Plan(tmp_path / "plan.sqlite").require_untouched()


def test_a_patient_of_the_earlier_plan_is_looked_up_and_never_searched_for(tmp_path: Path) -> None:
    """Once for each patient of the source: a search would take hours where there are 100,000 of them."""
    first = _written(tmp_path / "plan.sqlite", _patient(1), _patient(2, uid="1.9"))
    base = Base(tmp_path / "plan.sqlite", first.digest, frozenset(), "c" * 64, 3, first.last_keys, first.rounds, 2)
    first.close()
    writer = PlanWriter(base.path, dataclasses.replace(HEADER, previous=base.digest, first=3), base)
    asked: list[str] = []
    writer._database.set_trace_callback(asked.append)
    found = writer.earlier("p2")
    writer._database.set_trace_callback(None)
    assert found is not None
    assert found.number == 2
    steps = [row[3] for query in asked for row in writer._database.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert steps
    assert not [step for step in steps if step.startswith("SCAN")]
    writer.abandon()
