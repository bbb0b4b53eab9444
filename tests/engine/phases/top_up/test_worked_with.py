"""Who leaves in a top-up and was worked with in DEXIS 10 meanwhile: nothing of it is touched, and a person is told."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa

from engine.journal import Journal
from engine.target.unknown import journal_intent
from protocol.vocabulary import Check, FindingCode, Phase, Verdict
from tests.engine.phases.top_up.nights import execute, is_gone, passes, people, plan_of, run
from tests.engine.tiny import Tiny, TinyPractice

WORKED_WITH = {
    "a name was corrected": "UPDATE PersonName SET FamilyName = 'Corrected' WHERE PersonID = 1",
    "an image was looked at": "INSERT INTO ActivityLog VALUES ('Viewed', 'x', 1, NULL)",
    "a row was deleted": "DELETE FROM ActivityLog WHERE ItemID = 1",
    "a visit was added": "INSERT INTO Study VALUES (900, 1, 'theirs', NULL)",
}


@pytest.fixture
def two_renamed(converted: Tiny, practice: TinyPractice) -> Tiny:
    practice.row("patient", 1)["given_name"] = "Anna"
    practice.row("patient", 2)["given_name"] = "明"
    practice.restage(converted)
    return converted


@pytest.mark.parametrize("work", WORKED_WITH)
def test_a_dry_run_finds_who_was_worked_with_in_the_target(two_renamed: Tiny, work: str) -> None:
    execute(two_renamed, WORKED_WITH[work])
    checks, told = run(Phase.DRY_RUN, two_renamed)
    assert [finding.patient for finding in told.findings if finding.code is FindingCode.TARGET_CHANGED] == ["1"]
    assert checks[Check.NO_BLOCKERS][0] is Verdict.FAIL


SEEN_BEFORE_ANYTHING_IS_WRITTEN = {
    "a name was corrected": "1 of 19 rows were changed or deleted in the target",
    "an image was looked at": "rows were added in the target: 1 of ActivityLog",
}


@pytest.mark.parametrize("work", SEEN_BEFORE_ANYTHING_IS_WRITTEN)
def test_who_was_worked_with_since_the_dry_run_is_never_touched_and_the_others_go_on(
    two_renamed: Tiny, work: str
) -> None:
    run(Phase.DRY_RUN, two_renamed)
    execute(two_renamed, WORKED_WITH[work])
    before, files = two_renamed.target_rows(), two_renamed.store_content()
    checks, told = run(Phase.CONVERT, two_renamed)
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.FAIL, 0, 1)
    assert told.codes() == [FindingCode.SET_ASIDE, FindingCode.TARGET_CHANGED]
    [what] = [finding.detail for finding in told.findings if finding.code is FindingCode.TARGET_CHANGED]
    assert what == SEEN_BEFORE_ANYTHING_IS_WRITTEN[work]
    after = two_renamed.target_rows()
    assert {row for row in before["personname"] if row[0] == 1} == {row for row in after["personname"] if row[0] == 1}
    assert {row for row in before["activitylog"] if row[2] < 5} == {row for row in after["activitylog"] if row[2] < 5}
    assert [row[3] for row in after["personname"] if row[2] == "王"] == ["明"]
    assert {path for path in files if "0000000" in path and path[-5] < "5"} <= set(two_renamed.store_content())


def test_once_the_work_in_the_target_is_undone_the_next_convert_finishes(two_renamed: Tiny) -> None:
    run(Phase.DRY_RUN, two_renamed)
    execute(two_renamed, WORKED_WITH["an image was looked at"])
    assert not passes(run(Phase.CONVERT, two_renamed)[0])
    execute(two_renamed, "DELETE FROM ActivityLog WHERE Event = 'Viewed'")
    assert passes(run(Phase.CONVERT, two_renamed)[0])
    assert {row[3] for row in two_renamed.target_rows()["personname"] if row[2] != "Stays"} == {"Anna", "明", "Yet"}


@pytest.mark.parametrize(
    "work",
    ["INSERT INTO ActivityLog VALUES ('Viewed', 'x', 1, NULL)", "DELETE FROM ActivityLog WHERE ItemID = 1"],
    ids=["another visit is filed", "a visit is taken away"],
)
def test_who_was_worked_with_in_the_very_moment_is_rolled_back_whole(
    two_renamed: Tiny, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    """A workstation writes between the look at the patient and its transaction."""
    from engine.target.database import TargetDatabase

    deleted = TargetDatabase.delete

    def files_first(database: TargetDatabase, connection: sa.Connection, rows: Any) -> int:
        connection.execute(sa.text(work))
        return deleted(database, connection, rows)

    run(Phase.DRY_RUN, two_renamed)
    before = two_renamed.target_rows()
    monkeypatch.setattr(TargetDatabase, "delete", files_first)
    checks, told = run(Phase.CONVERT, two_renamed)
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.FAIL, 0, 1)
    assert FindingCode.TARGET_CHANGED in told.codes()
    assert {row for row in before["personname"] if row[0] == 1} <= set(two_renamed.target_rows()["personname"])


@pytest.mark.parametrize("work", ["UPDATE PersonName SET FamilyName = 'Corrected' WHERE PersonID = 4", ""])
def test_a_leaving_that_was_cut_short_is_undone_whatever_was_made_of_the_patient_since(
    converted: Tiny, practice: TinyPractice, work: str
) -> None:
    is_gone(practice, 9)
    practice.restage(converted)
    run(Phase.DRY_RUN, converted)
    with closing(plan_of(converted)) as plan:
        header, change = plan.header, plan.change(plan.changes()[0])
        with closing(
            Journal(converted.job.journal_path, converted.job.run_id, plan.digest, header.previous)
        ) as journal:
            journal_intent(change, journal)
    if work:
        execute(converted, work)
    checks, told = run(Phase.CONVERT, converted, sleep=lambda seconds: None)
    assert checks[Check.NOTHING_SET_ASIDE][0] is (Verdict.FAIL if work else Verdict.PASS)
    assert ("Corrected" in people(converted)) is bool(work)
    assert told.codes() == ([FindingCode.SET_ASIDE, FindingCode.TARGET_CHANGED] if work else [])
    if work:
        run(Phase.DRY_RUN, converted)  # is not refused: nothing is open any more
