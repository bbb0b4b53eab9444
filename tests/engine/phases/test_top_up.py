"""The night after the first one: only who changed is converted again, and the whole is exact afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.control import Uncontrolled
from engine.journal import Journal, State, recorded
from engine.phases import PhaseResult, convert, dry_run, reconcile
from engine.plan.reader import Plan
from engine.plan.values import Round
from engine.target.unknown import journal_intent
from protocol.errors import Interrupted, Refused
from protocol.vocabulary import Check, FindingCode, Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, Told, dicom, run_phase

Checks = dict[Check, tuple[Verdict, int, int]]


def _run(phase: Phase, tiny: Tiny, **more: Any) -> tuple[Checks, Told]:
    function: Callable[..., PhaseResult] = {
        Phase.DRY_RUN: dry_run.run,
        Phase.CONVERT: convert.run,
        Phase.RECONCILE: reconcile.run,
    }[phase]
    result, told = run_phase(function, phase, tiny, **more)
    return {check.check: (check.verdict, check.expected, check.actual) for check in result.checks}, told


def _passes(checks: Checks) -> bool:
    return all(verdict is not Verdict.FAIL for verdict, _, _ in checks.values())


def _night(tiny: Tiny) -> Told:
    """Dry run, conversion and reconciliation, all of which must pass; what the conversion told."""
    assert _passes(_run(Phase.DRY_RUN, tiny)[0])
    checks, told = _run(Phase.CONVERT, tiny, sleep=lambda seconds: None)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}
    exact, found = _run(Phase.RECONCILE, tiny)
    assert {verdict for verdict, _, _ in exact.values()} == {Verdict.PASS}, found.findings
    return told


def _plan(tiny: Tiny) -> Plan:
    return Plan(tiny.job.plan_path)


def _execute(tiny: Tiny, statement: str) -> None:
    engine = sa.create_engine(tiny.target)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def _people(tiny: Tiny) -> set[str]:
    return {row[2] for row in tiny.target_rows()["personname"]}


def _went_on(practice: TinyPractice) -> None:
    """One patient is renamed, one has a new image, one is gone, one is new; the practice has four afterwards."""
    practice.row("patient", 1)["family_name"] = "Married"
    practice.add_image(7, 211, "1.2.21/g.dcm", dicom(7))
    practice.rows["patient"] = [row for row in practice.rows["patient"] if row["id"] != 3]
    practice.rows["study"] = [row for row in practice.rows["study"] if row["id"] != 31]
    for key in (4, 5):
        new = {**practice.row("patient", 1), "id": key, "family_name": f"New{key}", "dob": date(2001, 1, key)}
        practice.rows["patient"].append({**new, "practice_pms_id": f"00020{key}"})
    practice.rows["study"].append(
        {**practice.row("study", 21), "id": 41, "patient_id": 4, "study_instance_uid": "1.2.41"}
    )
    practice.rows["series"].append(
        {**practice.row("series", 211), "id": 411, "study_id": 41, "series_instance_uid": "1.9"}
    )
    practice.add_image(8, 411, "1.2.41/h.dcm", dicom(8))


def _four_patients() -> TinyPractice:
    practice = TinyPractice()
    stays = {**practice.row("patient", 2), "id": 9, "family_name": "Stays", "practice_pms_id": "000199"}
    practice.rows["patient"].append(stays)
    practice.rows["study"].append(
        {**practice.row("study", 21), "id": 91, "patient_id": 9, "study_instance_uid": "1.2.91"}
    )
    practice.rows["series"].append(
        {**practice.row("series", 211), "id": 911, "study_id": 91, "series_instance_uid": "1.8"}
    )
    practice.add_image(51, 911, "1.2.91/z.dcm", dicom(91))
    practice.add_image(52, 911, "1.2.91/missing.dcm", None)
    return practice


@pytest.fixture
def practice() -> TinyPractice:
    """The practice as it is in the first night, with a fourth patient, so that somebody can stay as they are."""
    return _four_patients()


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, practice: TinyPractice, tmp_path: Path) -> Tiny:
    if request.param == "sqlite":
        return practice.build(tmp_path / "practice")
    new_database: Callable[[], str] = request.getfixturevalue("new_database")
    return practice.build(tmp_path / "practice", staging=new_database(), target=new_database())


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "practice"
    _night(_four_patients().build(folder))
    return folder


@pytest.fixture
def converted(first_night: Path, tmp_path: Path) -> Tiny:
    shutil.copytree(first_night, tmp_path / "practice", copy_function=shutil.copy2)
    return Tiny(tmp_path / "practice" / "job")


def test_only_who_changed_is_converted_again_and_the_whole_is_exact(anywhere: Tiny, practice: TinyPractice) -> None:
    _night(anywhere)
    before, rows = {path: _inode(anywhere, path) for path in anywhere.store_content()}, anywhere.target_rows()
    _went_on(practice)
    practice.restage(anywhere)
    told = _night(anywhere)
    assert _people(anywhere) == {"Married", "王", "Stays", "New4", "New5"}
    kept = {row for row in rows["personname"] if row[2] == "Stays"}
    assert kept <= set(anywhere.target_rows()["personname"])
    staying = {path for path in anywhere.store_content() if before.get(path) == _inode(anywhere, path)}
    assert len(staying) == 1
    with closing(_plan(anywhere)) as plan:
        assert plan.rounds == (Round(0, 0, 4, 0), Round(kept=1, changed=2, new=2, gone=1))
        assert plan.totals.patients == 5
    first, last = told.events[0], told.events[-1]
    assert (first.patients_total, first.images_total) == (5, 8)  # type: ignore[union-attr]
    assert (last.patients_done, last.images_done) == (5, 8)  # type: ignore[union-attr]


def _inode(tiny: Tiny, path: str) -> int:
    return (tiny.store / path).stat().st_ino


def test_a_top_up_reads_no_picture_of_who_stays(
    converted: Tiny, practice: TinyPractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.source.store import SourceStore

    practice.row("patient", 1)["family_name"] = "Married"
    practice.restage(converted)
    read = list[str]()
    content = SourceStore.open_read
    monkeypatch.setattr(SourceStore, "open_read", lambda store, path: read.append(path) or content(store, path))
    _run(Phase.DRY_RUN, converted)
    _run(Phase.CONVERT, converted)
    assert {path.split("/")[0] for path in read} == {"1.2.11", "1.2.12"}


def test_keys_and_paths_of_earlier_nights_are_never_given_again(converted: Tiny, practice: TinyPractice) -> None:
    seen = set(converted.store_content())
    for name in ("Once", "Twice", "Thrice"):
        practice.row("patient", 9)["family_name"] = name
        practice.restage(converted)
        _night(converted)
        fresh = set(converted.store_content()) - seen
        assert len(fresh) == 1
        seen |= fresh
    with closing(_plan(converted)) as plan:
        assert plan.rounds == (Round(0, 0, 4, 0), *[Round(kept=3, changed=1, new=0, gone=0)] * 3)
    states = recorded(converted.job.journal_path).states
    assert sorted(number for number, state in states.items() if state is State.REPLACED) == [4, 5, 6]


def test_nothing_changed_is_a_top_up_without_work_and_convert_stays_a_no_op(converted: Tiny) -> None:
    before = converted.end_state()
    for _ in range(2):
        told = _night(converted)
        assert told.events[-1].patients_total == 0  # type: ignore[union-attr]
        assert converted.end_state() == before
    checks, _ = _run(Phase.CONVERT, converted)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}


def test_who_is_gone_comes_back_under_new_keys(converted: Tiny, practice: TinyPractice) -> None:
    _is_gone(practice, 9)
    practice.restage(converted)
    _night(converted)
    assert "Stays" not in _people(converted)
    _is_gone(practice, 3)
    practice.restage(converted)
    _night(converted)  # nobody comes in it: what an earlier night gave is remembered beyond it
    again = TinyPractice()
    again.rows["patient"].append({**again.row("patient", 2), "id": 9, "family_name": "Back", "practice_pms_id": "7"})
    again.restage(converted)
    _night(converted)
    assert _people(converted) == {"Ödegård", "王", "Nobody", "Back"}
    keys = {row[0] for row in converted.target_rows()["personname"]}
    assert keys == {1, 2, 5, 6}, "the key of who is gone is not given again"


def test_a_plan_that_was_not_begun_is_made_again_from_the_same_base(converted: Tiny, practice: TinyPractice) -> None:
    _went_on(practice)
    practice.restage(converted)
    _run(Phase.DRY_RUN, converted)
    with closing(_plan(converted)) as plan:
        first = plan.digest
    _run(Phase.DRY_RUN, converted)
    with closing(_plan(converted)) as plan:
        assert plan.digest == first
    practice.row("patient", 1)["family_name"] = "Ödegård"
    practice.restage(converted)
    _night(converted)
    with closing(_plan(converted)) as plan:
        assert plan.rounds[-1] == Round(kept=2, changed=1, new=2, gone=1)


class _StopsAfterOne(Uncontrolled):
    calls = 0

    def checkpoint(self) -> None:
        self.calls += 1
        if self.calls > 1:
            raise Interrupted("stopped")


def test_a_top_up_that_was_stopped_goes_on_or_is_planned_anew_from_what_it_reached(
    converted: Tiny, practice: TinyPractice, tmp_path: Path
) -> None:
    _went_on(practice)
    practice.restage(converted)
    _run(Phase.DRY_RUN, converted)
    with pytest.raises(Interrupted):
        _run(Phase.CONVERT, converted, control=_StopsAfterOne())
    practice.row("patient", 1)["family_name"] = "Again"
    practice.restage(converted)
    _night(converted)
    assert _people(converted) == {"Again", "王", "Stays", "New4", "New5"}
    with closing(_plan(converted)) as plan:
        assert plan.rounds[-2].kept == 1
        assert sum(getattr(plan.rounds[-2], what) for what in ("changed", "new", "gone")) == 1


def test_an_image_that_changed_after_the_dry_run_sets_its_patient_aside_and_the_next_plan_takes_it_as_it_is_now(
    anywhere: Tiny, practice: TinyPractice
) -> None:
    assert _passes(_run(Phase.DRY_RUN, anywhere)[0])
    changed = next(anywhere.source.rglob("a.dcm"))
    changed.write_bytes(dicom(77))
    checks, _ = _run(Phase.CONVERT, anywhere, sleep=lambda seconds: None)
    assert checks[Check.NOTHING_SET_ASIDE][0] is Verdict.FAIL
    practice.restage(anywhere)
    _night(anywhere)
    with closing(_plan(anywhere)) as plan:
        assert plan.rounds == (Round(new=3), Round(kept=3, new=1))


def test_a_night_cut_short_within_a_patient_is_settled_before_another_plan_is_made(
    anywhere: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _passes(_run(Phase.DRY_RUN, anywhere)[0])
    digest = _digest(anywhere)
    with (
        closing(Journal(anywhere.job.journal_path, anywhere.job.run_id, digest)) as journal,
        closing(_plan(anywhere)) as plan,
    ):
        journal.begin(plan.changes()[0], plan.patient(plan.changes()[0]).keys, ())
    with pytest.raises(Refused, match="not settled for 1 of its patients"):
        _run(Phase.DRY_RUN, anywhere)
    assert _digest(anywhere) == digest


def _digest(tiny: Tiny) -> str:
    with closing(_plan(tiny)) as plan:
        return plan.digest


def test_files_written_again_with_the_same_content_are_read_once_and_kept(
    converted: Tiny, practice: TinyPractice
) -> None:
    for place in converted.source.rglob("*.dcm"):
        os.utime(place, ns=(1, 1))
    practice.restage(converted)
    before = converted.end_state()
    _night(converted)
    assert converted.end_state() == before
    with closing(_plan(converted)) as plan:
        assert plan.rounds[-1] == Round(kept=4)
        assert {image.source_modified for image in plan.patient(4).images} == {1}


def test_a_file_that_was_missing_and_is_there_now_is_converted(converted: Tiny, practice: TinyPractice) -> None:
    practice.files["1.2.91/missing.dcm"] = dicom(92)
    practice.restage(converted)
    _night(converted)
    with closing(_plan(converted)) as plan:
        assert plan.rounds[-1] == Round(kept=3, changed=1)
        assert plan.totals.skipped == 0


def test_a_picture_replaced_under_the_same_size_and_time_is_caught_by_reconcile(converted: Tiny) -> None:
    place = converted.source / "1.2.91" / "z.dcm"
    times = place.stat()
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content)
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert _passes(_run(Phase.DRY_RUN, converted)[0])
    assert _passes(_run(Phase.CONVERT, converted)[0])
    _, found = _run(Phase.RECONCILE, converted)
    assert FindingCode.PIXELS_DIFFER in found.codes()


def test_what_was_declared_of_who_stays_is_declared_again(converted: Tiny, practice: TinyPractice) -> None:
    practice.row("patient", 1)["family_name"] = "Married"
    practice.restage(converted)
    checks, told = _run(Phase.DRY_RUN, converted)
    assert FindingCode.MISSING_FILE in told.codes()
    assert checks[Check.IMAGES_DECODED] == (Verdict.ACCEPT, 8, 7)
    assert FindingCode.TARGET_NOT_EMPTY not in told.codes()


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
    _execute(two_renamed, WORKED_WITH[work])
    checks, told = _run(Phase.DRY_RUN, two_renamed)
    assert [finding.patient for finding in told.findings if finding.code is FindingCode.TARGET_CHANGED] == ["1"]
    assert checks[Check.NO_BLOCKERS][0] is Verdict.FAIL


@pytest.mark.parametrize("work", list(WORKED_WITH)[:2])
def test_who_was_worked_with_since_the_dry_run_is_never_touched_and_the_others_go_on(
    two_renamed: Tiny, work: str
) -> None:
    _run(Phase.DRY_RUN, two_renamed)
    _execute(two_renamed, WORKED_WITH[work])
    before, files = two_renamed.target_rows(), two_renamed.store_content()
    checks, told = _run(Phase.CONVERT, two_renamed)
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.FAIL, 0, 1)
    assert told.codes() == [FindingCode.SET_ASIDE, FindingCode.TARGET_CHANGED]
    after = two_renamed.target_rows()
    assert {row for row in before["personname"] if row[0] == 1} == {row for row in after["personname"] if row[0] == 1}
    assert {row for row in before["activitylog"] if row[2] < 5} == {row for row in after["activitylog"] if row[2] < 5}
    assert [row[3] for row in after["personname"] if row[2] == "王"] == ["明"]
    assert {path for path in files if "0000000" in path and path[-5] < "5"} <= set(two_renamed.store_content())


def test_once_the_work_in_the_target_is_undone_the_next_convert_finishes(two_renamed: Tiny) -> None:
    _run(Phase.DRY_RUN, two_renamed)
    _execute(two_renamed, WORKED_WITH["an image was looked at"])
    assert not _passes(_run(Phase.CONVERT, two_renamed)[0])
    _execute(two_renamed, "DELETE FROM ActivityLog WHERE Event = 'Viewed'")
    assert _passes(_run(Phase.CONVERT, two_renamed)[0])
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

    _run(Phase.DRY_RUN, two_renamed)
    before = two_renamed.target_rows()
    monkeypatch.setattr(TargetDatabase, "delete", files_first)
    checks, told = _run(Phase.CONVERT, two_renamed)
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.FAIL, 0, 1)
    assert FindingCode.TARGET_CHANGED in told.codes()
    assert {row for row in before["personname"] if row[0] == 1} <= set(two_renamed.target_rows()["personname"])


@pytest.mark.parametrize("work", ["UPDATE PersonName SET FamilyName = 'Corrected' WHERE PersonID = 4", ""])
def test_a_leaving_that_was_cut_short_is_undone_whatever_was_made_of_the_patient_since(
    converted: Tiny, practice: TinyPractice, work: str
) -> None:
    _is_gone(practice, 9)
    practice.restage(converted)
    _run(Phase.DRY_RUN, converted)
    with closing(_plan(converted)) as plan:
        header, change = plan.header, plan.change(plan.changes()[0])
        with closing(
            Journal(converted.job.journal_path, converted.job.run_id, plan.digest, header.previous)
        ) as journal:
            journal_intent(change, journal)
    if work:
        _execute(converted, work)
    checks, told = _run(Phase.CONVERT, converted, sleep=lambda seconds: None)
    assert checks[Check.NOTHING_SET_ASIDE][0] is (Verdict.FAIL if work else Verdict.PASS)
    assert ("Corrected" in _people(converted)) is bool(work)
    assert told.codes() == ([FindingCode.SET_ASIDE, FindingCode.TARGET_CHANGED] if work else [])
    if work:
        _run(Phase.DRY_RUN, converted)  # is not refused: nothing is open any more


def _is_gone(practice: TinyPractice, patient: int) -> None:
    """A patient with everything it has, whose keys begin with its own."""
    for table in ("patient", "study", "series"):
        practice.rows[table] = [row for row in practice.rows[table] if not str(row["id"]).startswith(str(patient))]
    practice.rows["media"] = [
        row for row in practice.rows["media"] if not str(row["series_id"]).startswith(str(patient))
    ]


def test_an_old_file_that_is_not_ours_any_more_stays_and_is_told(converted: Tiny, practice: TinyPractice) -> None:
    practice.row("patient", 9)["family_name"] = "Married"
    practice.restage(converted)
    _run(Phase.DRY_RUN, converted)
    with closing(_plan(converted)) as plan:
        (image,) = plan.patient(4).images
    (converted.store / image.path).write_bytes(b"x" * image.size)
    checks, told = _run(Phase.CONVERT, converted)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}
    assert [(finding.code, finding.place) for finding in told.findings] == [(FindingCode.STRAY_FILE, image.path)]
    assert (converted.store / image.path).read_bytes() == b"x" * image.size


def test_without_the_journal_of_the_first_night_nothing_is_written(converted: Tiny, practice: TinyPractice) -> None:
    _went_on(practice)
    practice.restage(converted)
    _run(Phase.DRY_RUN, converted)
    for path in converted.folder.glob("journal.sqlite*"):
        path.unlink()
    before = converted.end_state()
    with pytest.raises(Refused, match="journal of the earlier conversion"):
        _run(Phase.CONVERT, converted)
    assert converted.end_state() == before


def test_without_the_plan_that_the_journal_follows_no_other_is_made(converted: Tiny) -> None:
    converted.job.plan_path.unlink()
    with pytest.raises(Refused, match="plan that the journal follows"):
        _run(Phase.DRY_RUN, converted)


def test_another_target_profile_cannot_top_up_what_the_first_one_wrote(converted: Tiny) -> None:
    with sqlite3.connect(converted.job.plan_path) as plan:
        plan.execute("UPDATE header SET value = replace(value, 'target_profile\":\"', 'target_profile\":\"0')")
    with pytest.raises(Refused, match="target profile"):
        _run(Phase.DRY_RUN, converted)


def test_a_target_written_between_the_top_ups_dry_run_and_convert_is_refused_and_planned_again(
    converted: Tiny, practice: TinyPractice
) -> None:
    _went_on(practice)
    practice.restage(converted)
    _run(Phase.DRY_RUN, converted)
    _execute(converted, "INSERT INTO Person (PersonID, SSN, Removed) VALUES (70, NULL, 0)")
    with pytest.raises(Refused, match="keys may be in use"):
        _run(Phase.CONVERT, converted)
    _, told = _run(Phase.DRY_RUN, converted)
    assert FindingCode.TARGET_NOT_EMPTY in told.codes()
    assert _passes(_run(Phase.CONVERT, converted)[0])
    assert 70 in {row[0] for row in converted.target_rows()["person"]}


def test_a_journal_of_an_earlier_version_is_read_on(converted: Tiny, practice: TinyPractice) -> None:
    with closing(sqlite3.connect(converted.job.journal_path)) as journal:
        journal.execute("ALTER TABLE entry DROP COLUMN replaces")
        journal.commit()
    _went_on(practice)
    practice.restage(converted)
    _night(converted)
    with (
        closing(_plan(converted)) as plan,
        closing(Journal(converted.job.journal_path, converted.job.run_id, plan.digest)) as journal_now,
    ):
        assert journal_now.numbers(State.REPLACED) == [1, 2, 3]


def test_two_workers_top_up_byte_for_byte_as_one(converted: Tiny, practice: TinyPractice, tmp_path: Path) -> None:
    _went_on(practice)
    practice.restage(converted)
    shutil.copytree(converted.folder.parent, tmp_path / "two", copy_function=shutil.copy2)
    two = Tiny(tmp_path / "two" / "job")
    settings = (two.folder / "job.toml").read_text(encoding="utf-8")
    (two.folder / "job.toml").write_text(settings.replace("workers = 1", "workers = 2"), encoding="utf-8")
    for tiny in (converted, two):
        _run(Phase.DRY_RUN, tiny)
        _run(Phase.CONVERT, tiny)
    assert two.end_state() == converted.end_state()
