"""Keys that the database makes: planned as ever, journalled before the commit, and found again by evidence alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.failpoints import arm, killing
from engine.journal import Journal, State, recorded
from engine.phases import convert, dry_run, reconcile
from engine.plan.reader import Plan
from engine.profiles.load import load_target
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode, Phase, Verdict
from tests.engine.made_keys import let_the_database_make_keys, profile_text, run
from tests.engine.tiny import Tiny, TinyPractice, run_phase
from tests.faults.processes import apart

# Every step of one patient's unit, and those of a recovery.
STEPS = ("after-intent", "after-insert", "after-keys", "after-link", "before-commit", "after-commit", "after-done")


@pytest.fixture
def practice() -> TinyPractice:
    return TinyPractice()


@pytest.fixture(params=["sqlite", "postgresql"])
def tiny(request: pytest.FixtureRequest, practice: TinyPractice, tmp_path: Path) -> Tiny:
    target = None if request.param == "sqlite" else request.getfixturevalue("new_database")()
    built = practice.build(tmp_path / "practice", target=target)
    run(built, "INSERT INTO Person (PersonID, SSN, Removed) VALUES (40, NULL, 0)")
    # One further than the plan counts: a key that is made for one patient is the plan's number of the next.
    let_the_database_make_keys(built, after=41)
    return built


def _convert(tiny: Tiny) -> Any:
    return run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)[0]


def _is_exact(tiny: Tiny) -> bool:
    result, _ = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    return {check.verdict for check in result.checks} == {Verdict.PASS}


def without_keys(tiny: Tiny) -> list[tuple[Any, ...]]:
    """Every image with the patient, study and series it is linked to, without any key of the three."""
    query = (
        "SELECT n.FamilyName, n.GivenName, p.ExternalID, p.DateOfBirth, s.Name, s.CreatedDate, se.Name, v.VisualID,"
        " v.Teeth, i.UID FROM Person pe JOIN PersonName n ON n.PersonID = pe.PersonID JOIN Patient p ON"
        " p.PersonID = pe.PersonID LEFT JOIN Study s ON s.PatientID = p.PersonID LEFT JOIN Series se ON"
        " se.StudyRecordID = s.StudyRecordID LEFT JOIN Visual v ON v.SeriesID = se.SeriesID LEFT JOIN Image i ON"
        " i.VisualID = v.VisualID"
    )
    made = sa.create_engine(tiny.target)
    with made.connect() as connection:
        found = sorted(
            (tuple(str(value).removesuffix(".000000") for value in row) for row in connection.execute(sa.text(query))),
            key=repr,
        )
    made.dispose()
    return found


def keys_of_people(tiny: Tiny) -> list[int]:
    return sorted(row[0] for row in tiny.target_rows()["person"])


def test_keys_are_those_that_the_database_makes_and_everything_else_is_planned(tiny: Tiny, tmp_path: Path) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert {check.verdict for check in _convert(tiny).checks} == {Verdict.PASS}
    plain = TinyPractice().build(tmp_path / "plain")
    run_phase(dry_run.run, Phase.DRY_RUN, plain)
    _convert(plain)
    assert without_keys(tiny) == without_keys(plain)
    assert tiny.store_content() == plain.store_content()
    first = 42 if tiny.target.startswith("postgresql") else 41
    assert keys_of_people(tiny) == [40, first, first + 1, first + 2]


def test_the_plan_is_the_same_whatever_keys_the_database_will_make(tiny: Tiny) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    with closing(Plan(tiny.job.plan_path)) as plan:
        before = plan.digest
    if tiny.target.startswith("postgresql"):
        run(tiny, "ALTER TABLE Person ALTER PersonID RESTART WITH 900")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    with closing(Plan(tiny.job.plan_path)) as plan:
        assert plan.digest == before


KILLS = [("sqlite", step) for step in STEPS] + [("postgresql", step) for step in ("after-insert", "after-commit")]


@pytest.mark.fault
@pytest.mark.parametrize(("tiny", "step"), KILLS, indirect=["tiny"])
def test_killed_at_any_step_the_end_is_the_same_but_for_keys(tiny: Tiny, step: str) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)

    def killed() -> None:
        arm(killing(f"{step}:2"))
        _convert(tiny)

    assert apart(killed).killed
    states = recorded(tiny.job.journal_path).states.values()
    assert State.SET_ASIDE not in states
    _convert(tiny)
    assert len(keys_of_people(tiny)) == 4
    run(tiny, "DELETE FROM Person WHERE PersonID = 40")  # who was there before is in no source
    assert _is_exact(tiny)


@pytest.mark.fault
def test_keys_are_in_the_journal_before_the_rows_are_committed(tiny: Tiny) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)

    def killed() -> None:
        arm(killing("before-commit"))
        _convert(tiny)

    assert apart(killed).killed
    with closing(Plan(tiny.job.plan_path)) as plan:
        digest = plan.digest
    with closing(Journal(tiny.job.journal_path, tiny.job.run_id, digest)) as journal:
        [number] = [number for number in journal.numbers(State.INTENT) if journal.made(number)]
        assert journal.made(number).keys() == {"patient", "study", "series"}
    assert keys_of_people(tiny) == [40]


def test_what_the_journal_calls_done_is_looked_for_under_the_keys_that_were_made(tiny: Tiny) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    _convert(tiny)
    assert {check.verdict for check in _convert(tiny).checks} == {Verdict.PASS}


def test_a_patient_that_changed_leaves_under_the_keys_it_was_given(tiny: Tiny, practice: TinyPractice) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    _convert(tiny)
    practice.row("patient", 1)["given_name"] = "Renamed"
    practice.restage(tiny)
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert FindingCode.TARGET_CHANGED not in told.codes()
    assert {check.verdict for check in _convert(tiny).checks} == {Verdict.PASS}
    assert {row[3] for row in tiny.target_rows()["personname"]} == {"Renamed", "Yet", "小明"}
    run(tiny, "DELETE FROM Person WHERE PersonID = 40")  # who was there before is in no source
    assert _is_exact(tiny)


REFUSED: dict[str, tuple[Callable[[str], str], str]] = {
    "in a path": (lambda text: text, "the key of image stands in the path Images/"),
    "in the native file": (
        lambda text: text.replace('is = "key(image)"', 'is = "key(patient)"'),
        "the key of patient stands in the native file's field visual_id",
    ),
    "in another value": (
        lambda text: text.replace('SSN = "null"', 'SSN = "default(null, key(patient))"'),
        "the key of patient is part of the value of Person.SSN",
    ),
    "in no row": (
        lambda text: text.replace('table = "Study",  column = "StudyRecordID"', 'table = "Study",  column = "Name"'),
        "no [[insert]] fills Study.Name with key(study)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_key_that_is_needed_before_it_is_made_is_refused_with_the_line(tmp_path: Path, case: str) -> None:
    change, words = REFUSED[case]
    entities = {"in a path": ("image",), "in no row": ("study",)}.get(case, ("patient",))
    text = change(profile_text(*entities))
    path = tmp_path / "made.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageProblem) as problem:
        load_target(str(path))
    line = next(number for number, line in enumerate(text.splitlines(), 1) if 'allocation = "database"' in line)
    assert words in str(problem.value)
    assert f":{line}" in str(problem.value) or f"line {line}" in str(problem.value)
