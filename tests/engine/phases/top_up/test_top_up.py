"""The night after the first one: only who changed is converted again, and the whole is exact afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine.journal import Journal, State, recorded
from engine.plan.values import Round
from protocol.errors import Interrupted, Refused
from protocol.vocabulary import Check, FindingCode, Phase, Verdict
from tests.engine.phases.top_up.nights import execute, is_gone, night_of, passes, people, plan_of, run, went_on
from tests.engine.tiny import StopsAfterOne, Tiny, TinyPractice, dicom


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, practice: TinyPractice, tmp_path: Path) -> Tiny:
    if request.param == "sqlite":
        return practice.build(tmp_path / "practice")
    new_database: Callable[[], str] = request.getfixturevalue("new_database")
    return practice.build(tmp_path / "practice", staging=new_database(), target=new_database())


def test_only_who_changed_is_converted_again_and_the_whole_is_exact(anywhere: Tiny, practice: TinyPractice) -> None:
    night_of(anywhere)
    before, rows = {path: _inode(anywhere, path) for path in anywhere.store_content()}, anywhere.target_rows()
    went_on(practice)
    practice.restage(anywhere)
    told = night_of(anywhere)
    assert people(anywhere) == {"Married", "王", "Stays", "New4", "New5"}
    kept = {row for row in rows["personname"] if row[2] == "Stays"}
    assert kept <= set(anywhere.target_rows()["personname"])
    staying = {path for path in anywhere.store_content() if before.get(path) == _inode(anywhere, path)}
    assert len(staying) == 1
    with closing(plan_of(anywhere)) as plan:
        assert plan.rounds == (Round(0, 0, 4, 0), Round(kept=1, changed=2, new=2, gone=1))
        assert plan.totals.patients == 5
    first, last = told.progress[0], told.progress[-1]
    assert (first.patients_total, first.images_total) == (5, 8)
    assert (last.patients_done, last.images_done) == (5, 8)


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
    run(Phase.DRY_RUN, converted)
    run(Phase.CONVERT, converted)
    assert {path.split("/")[0] for path in read} == {"1.2.11", "1.2.12"}


def test_keys_and_paths_of_earlier_nights_are_never_given_again(converted: Tiny, practice: TinyPractice) -> None:
    seen = set(converted.store_content())
    for name in ("Once", "Twice", "Thrice"):
        practice.row("patient", 9)["family_name"] = name
        practice.restage(converted)
        night_of(converted)
        fresh = set(converted.store_content()) - seen
        assert len(fresh) == 1
        seen |= fresh
    with closing(plan_of(converted)) as plan:
        assert plan.rounds == (Round(0, 0, 4, 0), *[Round(kept=3, changed=1, new=0, gone=0)] * 3)
    states = recorded(converted.job.journal_path).states
    assert sorted(number for number, state in states.items() if state is State.REPLACED) == [4, 5, 6]


def test_nothing_changed_is_a_top_up_without_work_and_convert_stays_a_no_op(converted: Tiny) -> None:
    before = converted.end_state()
    for _ in range(2):
        told = night_of(converted)
        assert told.progress[-1].patients_total == 0
        assert converted.end_state() == before
    checks, _ = run(Phase.CONVERT, converted)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}


def test_who_is_gone_comes_back_under_new_keys(converted: Tiny, practice: TinyPractice) -> None:
    is_gone(practice, 9)
    practice.restage(converted)
    night_of(converted)
    assert "Stays" not in people(converted)
    is_gone(practice, 3)
    practice.restage(converted)
    night_of(converted)  # nobody comes in it: what an earlier night gave is remembered beyond it
    again = TinyPractice()
    again.rows["patient"].append({**again.row("patient", 2), "id": 9, "family_name": "Back", "practice_pms_id": "7"})
    again.restage(converted)
    night_of(converted)
    assert people(converted) == {"Ödegård", "王", "Nobody", "Back"}
    keys = {row[0] for row in converted.target_rows()["personname"]}
    assert keys == {1, 2, 5, 6}, "the key of who is gone is not given again"


def test_a_plan_that_was_not_begun_is_made_again_from_the_same_base(converted: Tiny, practice: TinyPractice) -> None:
    went_on(practice)
    practice.restage(converted)
    run(Phase.DRY_RUN, converted)
    with closing(plan_of(converted)) as plan:
        first = plan.digest
    run(Phase.DRY_RUN, converted)
    with closing(plan_of(converted)) as plan:
        assert plan.digest == first
    practice.row("patient", 1)["family_name"] = "Ödegård"
    practice.restage(converted)
    night_of(converted)
    with closing(plan_of(converted)) as plan:
        assert plan.rounds[-1] == Round(kept=2, changed=1, new=2, gone=1)


def test_a_top_up_that_was_stopped_goes_on_or_is_planned_anew_from_what_it_reached(
    converted: Tiny, practice: TinyPractice, tmp_path: Path
) -> None:
    went_on(practice)
    practice.restage(converted)
    run(Phase.DRY_RUN, converted)
    with pytest.raises(Interrupted):
        run(Phase.CONVERT, converted, control=StopsAfterOne())
    practice.row("patient", 1)["family_name"] = "Again"
    practice.restage(converted)
    night_of(converted)
    assert people(converted) == {"Again", "王", "Stays", "New4", "New5"}
    with closing(plan_of(converted)) as plan:
        assert plan.rounds[-2].kept == 1
        assert sum(getattr(plan.rounds[-2], what) for what in ("changed", "new", "gone")) == 1


def test_an_image_that_changed_after_the_dry_run_sets_its_patient_aside_and_the_next_plan_takes_it_as_it_is_now(
    anywhere: Tiny, practice: TinyPractice
) -> None:
    assert passes(run(Phase.DRY_RUN, anywhere)[0])
    changed = next(anywhere.source.rglob("a.dcm"))
    changed.write_bytes(dicom(77))
    checks, _ = run(Phase.CONVERT, anywhere, sleep=lambda seconds: None)
    assert checks[Check.NOTHING_SET_ASIDE][0] is Verdict.FAIL
    practice.restage(anywhere)
    night_of(anywhere)
    with closing(plan_of(anywhere)) as plan:
        assert plan.rounds == (Round(new=3), Round(kept=3, new=1))


def test_a_night_cut_short_within_a_patient_is_settled_before_another_plan_is_made(
    anywhere: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert passes(run(Phase.DRY_RUN, anywhere)[0])
    digest = _digest(anywhere)
    with (
        closing(Journal(anywhere.job.journal_path, anywhere.job.run_id, digest)) as journal,
        closing(plan_of(anywhere)) as plan,
    ):
        journal.begin(plan.changes()[0], plan.patient(plan.changes()[0]).keys, ())
    with pytest.raises(Refused, match="not settled for 1 of its patients"):
        run(Phase.DRY_RUN, anywhere)
    assert _digest(anywhere) == digest


def _digest(tiny: Tiny) -> str:
    with closing(plan_of(tiny)) as plan:
        return plan.digest


def test_files_written_again_with_the_same_content_are_read_once_and_kept(
    converted: Tiny, practice: TinyPractice
) -> None:
    for place in converted.source.rglob("*.dcm"):
        os.utime(place, ns=(1, 1))
    practice.restage(converted)
    before = converted.end_state()
    night_of(converted)
    assert converted.end_state() == before
    with closing(plan_of(converted)) as plan:
        assert plan.rounds[-1] == Round(kept=4)
        assert {image.source_modified for image in plan.patient(4).images} == {1}


def test_a_file_that_was_missing_and_is_there_now_is_converted(converted: Tiny, practice: TinyPractice) -> None:
    practice.files["1.2.91/missing.dcm"] = dicom(92)
    practice.restage(converted)
    night_of(converted)
    with closing(plan_of(converted)) as plan:
        assert plan.rounds[-1] == Round(kept=3, changed=1)
        assert plan.totals.skipped == 0


def test_a_picture_replaced_under_the_same_size_and_time_is_caught_by_reconcile(converted: Tiny) -> None:
    place = converted.source / "1.2.91" / "z.dcm"
    times = place.stat()
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content)
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert passes(run(Phase.DRY_RUN, converted)[0])
    assert passes(run(Phase.CONVERT, converted)[0])
    _, found = run(Phase.RECONCILE, converted)
    assert FindingCode.PIXELS_DIFFER in found.codes()


def test_what_was_declared_of_who_stays_is_declared_again(converted: Tiny, practice: TinyPractice) -> None:
    practice.row("patient", 1)["family_name"] = "Married"
    practice.restage(converted)
    checks, told = run(Phase.DRY_RUN, converted)
    assert FindingCode.MISSING_FILE in told.codes()
    assert checks[Check.IMAGES_DECODED] == (Verdict.ACCEPT, 8, 7)
    assert FindingCode.TARGET_NOT_EMPTY not in told.codes()


def test_an_old_file_that_is_not_ours_any_more_stays_and_is_told(converted: Tiny, practice: TinyPractice) -> None:
    practice.row("patient", 9)["family_name"] = "Married"
    practice.restage(converted)
    run(Phase.DRY_RUN, converted)
    with closing(plan_of(converted)) as plan:
        (image,) = plan.patient(4).images
    (converted.store / image.path).write_bytes(b"x" * image.size)
    checks, told = run(Phase.CONVERT, converted)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}
    assert [(finding.code, finding.place) for finding in told.findings] == [(FindingCode.STRAY_FILE, image.path)]
    assert (converted.store / image.path).read_bytes() == b"x" * image.size


def test_without_the_journal_of_the_first_night_nothing_is_written(converted: Tiny, practice: TinyPractice) -> None:
    went_on(practice)
    practice.restage(converted)
    run(Phase.DRY_RUN, converted)
    for path in converted.folder.glob("journal.sqlite*"):
        path.unlink()
    before = converted.end_state()
    with pytest.raises(Refused, match="journal of the earlier conversion"):
        run(Phase.CONVERT, converted)
    assert converted.end_state() == before


def test_without_the_plan_that_the_journal_follows_no_other_is_made(converted: Tiny) -> None:
    converted.job.plan_path.unlink()
    with pytest.raises(Refused, match="plan that the journal follows"):
        run(Phase.DRY_RUN, converted)


def test_another_target_profile_cannot_top_up_what_the_first_one_wrote(converted: Tiny) -> None:
    with sqlite3.connect(converted.job.plan_path) as plan:
        plan.execute("UPDATE header SET value = replace(value, 'target_profile\":\"', 'target_profile\":\"0')")
    with pytest.raises(Refused, match="target profile"):
        run(Phase.DRY_RUN, converted)


def test_a_target_written_between_the_top_ups_dry_run_and_convert_is_refused_and_planned_again(
    converted: Tiny, practice: TinyPractice
) -> None:
    went_on(practice)
    practice.restage(converted)
    run(Phase.DRY_RUN, converted)
    execute(converted, "INSERT INTO Person (PersonID, SSN, Removed) VALUES (70, NULL, 0)")
    with pytest.raises(Refused, match="keys may be in use"):
        run(Phase.CONVERT, converted)
    _, told = run(Phase.DRY_RUN, converted)
    assert FindingCode.TARGET_NOT_EMPTY in told.codes()
    assert passes(run(Phase.CONVERT, converted)[0])
    assert 70 in {row[0] for row in converted.target_rows()["person"]}


def test_a_journal_of_an_earlier_version_is_read_on(converted: Tiny, practice: TinyPractice) -> None:
    with closing(sqlite3.connect(converted.job.journal_path)) as journal:
        journal.execute("ALTER TABLE entry DROP COLUMN replaces")
        journal.commit()
    went_on(practice)
    practice.restage(converted)
    night_of(converted)
    with (
        closing(plan_of(converted)) as plan,
        closing(Journal(converted.job.journal_path, converted.job.run_id, plan.digest)) as journal_now,
    ):
        assert journal_now.numbers(State.REPLACED) == [1, 2, 3]


def test_two_workers_top_up_byte_for_byte_as_one(converted: Tiny, practice: TinyPractice, tmp_path: Path) -> None:
    went_on(practice)
    practice.restage(converted)
    shutil.copytree(converted.folder.parent, tmp_path / "two", copy_function=shutil.copy2)
    two = Tiny(tmp_path / "two" / "job")
    settings = (two.folder / "job.toml").read_text(encoding="utf-8")
    (two.folder / "job.toml").write_text(settings.replace("workers = 1", "workers = 2"), encoding="utf-8")
    for tiny in (converted, two):
        run(Phase.DRY_RUN, tiny)
        run(Phase.CONVERT, tiny)
    assert two.end_state() == converted.end_state()
