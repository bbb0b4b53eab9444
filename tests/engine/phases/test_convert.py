"""Conversion on both databases: what the plan says is what there is, once, whatever else was there before."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine.journal import Journal, State
from engine.phases import convert, dry_run, reconcile
from engine.plan.reader import Plan
from engine.running.control import Uncontrolled
from protocol.checks import REQUIRED_CHECKS
from protocol.errors import EnvironmentProblem, Interrupted, Refused, UsageProblem
from protocol.vocabulary import Check, FindingCode, Gate, Phase, Refusal, Verdict
from tests.engine.tiny import StopsAfterOne, Tiny, TinyPractice, Told, run_phase


def _dry_run(tiny: Tiny) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)


def _convert(tiny: Tiny) -> tuple[dict[Check, tuple[Verdict, int, int]], Told]:
    result, told = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    assert result.gate is Gate.CONVERTED
    assert {check.check for check in result.checks} == REQUIRED_CHECKS[Gate.CONVERTED]
    return {check.check: (check.verdict, check.expected, check.actual) for check in result.checks}, told


@pytest.fixture
def built(new_databases: Callable[[], str], tmp_path: Path) -> Tiny:
    return TinyPractice().build(tmp_path / "practice", staging=new_databases(), target=new_databases())


@pytest.fixture
def ready(tmp_path: Path) -> Tiny:
    tiny = TinyPractice().build(tmp_path / "practice")
    _dry_run(tiny)
    return tiny


@pytest.mark.parametrize("content", [None, b"{}"], ids=["missing", "damaged"])
def test_without_the_sources_fingerprint_nothing_is_converted(ready: Tiny, content: bytes | None) -> None:
    ready.job.fingerprint_path.unlink()
    if content is not None:
        ready.job.fingerprint_path.write_bytes(content)
    with pytest.raises((UsageProblem, EnvironmentProblem), match="stage"):
        _convert(ready)
    assert ready.target_rows()["visual"] == [] and ready.store_content() == {}


def test_every_planned_patient_image_and_row_arrives(built: Tiny) -> None:
    _dry_run(built)
    checks, told = _convert(built)
    assert checks[Check.PATIENTS_CONVERTED] == (Verdict.PASS, 3, 3)
    assert checks[Check.IMAGES_CONVERTED] == (Verdict.PASS, 6, 6)
    assert checks[Check.DIGESTS_AS_PLANNED] == (Verdict.PASS, 6, 6)
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.PASS, 0, 0)
    assert checks[Check.SOURCE_UNCHANGED] == (Verdict.PASS, 0, 0)
    assert told.findings == []
    rows = built.target_rows()
    assert {len(rows[table]) for table in ("visual", "image", "activitylog")} == {6}
    assert {len(rows[table]) for table in ("person", "personname", "patient")} == {3}
    assert (len(rows["study"]), len(rows["series"])) == (4, 3)
    assert set(built.store_content()) == {row[1] for row in rows["activitylog"]}


def test_names_charts_teeth_times_and_orientation_arrive_as_the_profile_writes_them(built: Tiny) -> None:
    _dry_run(built)
    _convert(built)
    rows = built.target_rows()
    assert (1, 1, "Ödegård", "Ana", None, None, None) in rows["personname"]
    assert (2, 1, "王", "小明", None, None, None) in rows["personname"]
    assert {row[1] for row in rows["patient"]} == {"000123", "000124", "000125"}
    assert (1, 1, 1, "Turn=3&Flip=1", "teeth=306%3B307") in rows["visual"]
    assert str(rows["image"][0][4]) == "2019-03-04 10:30:01"


def test_photos_are_carried_bit_for_bit(ready: Tiny) -> None:
    _convert(ready)
    source = ready.folder.parent / "source"
    for kept, original in (("00000003.jpg", "1.2.12/c.jpg"), ("00000005.png", "1.2.21/e.png")):
        assert (ready.store / "Images/00/00/00" / kept).read_bytes() == (source / original).read_bytes()


def test_a_finished_conversion_has_nothing_to_do_and_passes_again(built: Tiny) -> None:
    _dry_run(built)
    _convert(built)
    before = built.end_state()
    checks, _ = _convert(built)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}
    assert built.end_state() == before


def test_two_workers_make_byte_for_byte_what_one_makes(ready: Tiny, tmp_path: Path) -> None:
    shutil.copytree(ready.folder.parent, tmp_path / "two")
    two = Tiny(tmp_path / "two" / "job")
    settings = (two.folder / "job.toml").read_text(encoding="utf-8")
    (two.folder / "job.toml").write_text(settings.replace("workers = 1", "workers = 2"), encoding="utf-8")
    _dry_run(two)
    assert Plan(two.job.plan_path).digest == Plan(ready.job.plan_path).digest
    _convert(ready)
    _convert(two)
    assert two.end_state() == ready.end_state()


def test_without_a_plan_it_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    tiny = TinyPractice().build(tmp_path / "practice")
    before = tiny.end_state()
    with pytest.raises(Refused) as refused:
        _convert(tiny)
    assert refused.value.reason is Refusal.EVIDENCE_MISSING
    assert tiny.end_state() == before


def test_a_target_written_since_the_dry_run_is_refused_whole(ready: Tiny) -> None:
    ready.another_writes("INSERT INTO Person (PersonID, SSN, Removed) VALUES (1, NULL, 0)")
    before = ready.end_state()
    with pytest.raises(Refused) as refused:
        _convert(ready)
    assert refused.value.reason is Refusal.EVIDENCE_NOT_NEWEST
    assert ready.end_state() == before


def test_records_and_files_that_were_there_before_are_left_alone(built: Tiny) -> None:
    built.another_writes("INSERT INTO Person (PersonID, SSN, Removed) VALUES (40, NULL, 0)")
    built.another_writes("INSERT INTO Patient (PersonID) VALUES (40)")
    built.another_writes("INSERT INTO Study (StudyRecordID, PatientID, Name) VALUES (7, 40, 'old')")
    old = built.store / "Images" / "old.dex"
    old.write_bytes(b"an old image")
    _dry_run(built)
    checks, _ = _convert(built)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}
    rows = built.target_rows()
    assert sorted(row[0] for row in rows["person"]) == [40, 41, 42, 43]
    assert old.read_bytes() == b"an old image"


def test_a_file_that_takes_a_planned_path_is_never_overwritten_and_its_patient_set_aside(ready: Tiny) -> None:
    taken = ready.store / "Images/00/00/00/00000002.dex"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"not ours")
    checks, told = _convert(ready)
    assert taken.read_bytes() == b"not ours"
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.FAIL, 0, 1)
    assert checks[Check.PATIENTS_CONVERTED] == (Verdict.FAIL, 3, 2)
    assert told.codes() == [FindingCode.PATH_TAKEN, FindingCode.SET_ASIDE]
    assert "not ours" in str({finding.code: finding.detail for finding in told.findings}[FindingCode.SET_ASIDE])
    assert {row[1] for row in ready.target_rows()["activitylog"]} == {
        "Images/00/00/00/00000005.png",
        "Images/00/00/00/00000006.dex",
    }
    taken.unlink()
    assert {verdict for verdict, _, _ in _convert(ready)[0].values()} == {Verdict.PASS}


def test_a_file_that_only_looks_like_ours_is_not_ours_and_is_never_removed(ready: Tiny) -> None:
    path = "Images/00/00/00/00000003.jpg"
    taken = ready.store / path
    taken.parent.mkdir(parents=True)
    taken.write_bytes((ready.folder.parent / "source" / "1.2.12" / "c.jpg").read_bytes())
    inode = taken.stat().st_ino
    checks, _ = _convert(ready)
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.FAIL, 0, 1)
    assert taken.stat().st_ino == inode
    assert path not in {row[1] for row in ready.target_rows()["activitylog"]}


def test_a_row_that_takes_a_planned_key_while_the_night_runs_is_never_touched(ready: Tiny) -> None:
    """A workstation files an image under a planned key before its patient's turn comes."""

    class _Files(Uncontrolled):
        calls = 0

        def checkpoint(self) -> None:
            self.calls += 1
            if self.calls == 2:
                ready.another_writes("INSERT INTO Person (PersonID, SSN, Removed) VALUES (2, 'theirs', 0)")

    result, told = run_phase(convert.run, Phase.CONVERT, ready, control=_Files(), sleep=lambda seconds: None)
    assert {check.verdict for check in result.checks} == {Verdict.PASS, Verdict.FAIL}
    assert told.codes() == [FindingCode.SET_ASIDE]
    assert (2, "theirs", 0) in ready.target_rows()["person"]
    with closing(Journal(ready.job.journal_path, ready.job.run_id, Plan(ready.job.plan_path).digest)) as journal:
        assert journal.numbers(State.SET_ASIDE) == [2]
    assert {row[0] for row in ready.target_rows()["personname"]} == {1, 3}


def test_a_row_that_comes_meanwhile_where_no_index_is_stays_and_is_found_by_the_reconciliation(ready: Tiny) -> None:
    """A log is read once, before the first patient: docs/adr/0018."""

    class _Logs(Uncontrolled):
        calls = 0

        def checkpoint(self) -> None:
            self.calls += 1
            if self.calls == 2:
                ready.another_writes("INSERT INTO ActivityLog (Event, Filename, ItemID) VALUES ('Rotate', 'theirs', 6)")

    result, told = run_phase(convert.run, Phase.CONVERT, ready, control=_Logs(), sleep=lambda seconds: None)
    assert {check.verdict for check in result.checks} == {Verdict.PASS} and told.codes() == []
    assert [row[1] for row in ready.target_rows()["activitylog"] if row[0] == "Rotate"] == ["theirs"]
    seen, found = run_phase(reconcile.run, Phase.RECONCILE, ready)
    assert FindingCode.ROW_EXTRA in found.codes() and seen.digests is not None and not seen.digests.equal


@pytest.mark.parametrize("change", ["one pixel", "cut short"])
def test_a_source_file_that_changed_since_the_dry_run_sets_its_patient_aside(ready: Tiny, change: str) -> None:
    place = ready.folder.parent / "source" / "1.2.21" / "f.dcm"
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content if change == "one pixel" else content[:-500])
    checks, told = _convert(ready)
    assert told.codes() == [FindingCode.SET_ASIDE, FindingCode.TRANSIENT_READ]
    assert checks[Check.DIGESTS_AS_PLANNED] == (Verdict.FAIL, 6, 4)
    assert checks[Check.SOURCE_UNCHANGED][0] is Verdict.FAIL
    assert "Images/00/00/00/00000005.png" not in ready.store_content()


def test_an_encoding_that_differs_from_the_plan_is_an_error_and_writes_nothing_of_that_patient(ready: Tiny) -> None:
    with sqlite3.connect(ready.job.plan_path) as plan:
        plan.execute("UPDATE image SET sha256 = ? WHERE target_key = 6", ("0" * 64,))
    checks, told = _convert(ready)
    assert checks[Check.DIGESTS_AS_PLANNED] == (Verdict.FAIL, 6, 4)
    assert told.codes() == [FindingCode.SET_ASIDE]
    assert len(ready.target_rows()["person"]) == 2


def test_links_that_are_gone_after_a_commit_are_made_good(ready: Tiny) -> None:
    """Power was lost after the commit and before the journal said so; the file system lost directory entries."""
    _convert(ready)
    whole = ready.end_state()
    _reopen_intents(ready)
    (ready.store / "Images/00/00/00/00000002.dex").unlink()
    (ready.store / "Images/00/00/00/00000005.png").unlink()
    _convert(ready)
    assert ready.end_state() == whole


def test_rows_that_changed_after_an_unfinished_commit_are_left_for_a_person(ready: Tiny) -> None:
    _convert(ready)
    _reopen_intents(ready)
    ready.another_writes("UPDATE PersonName SET FamilyName = 'Corrected' WHERE PersonID = 1")
    before = ready.end_state()
    checks, told = _convert(ready)
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.FAIL, 0, 1)
    assert told.codes() == [FindingCode.SET_ASIDE]
    assert ready.end_state() == before


def test_a_strangers_file_in_the_place_of_a_committed_patients_own_is_left_and_the_patient_not_called_done(
    ready: Tiny,
) -> None:
    _convert(ready)
    _reopen_intents(ready)
    place = ready.store / "Images/00/00/00/00000002.dex"
    place.write_bytes(bytes(place.stat().st_size))
    before = ready.end_state()
    checks, told = _convert(ready)
    assert checks[Check.NOTHING_SET_ASIDE] == (Verdict.FAIL, 0, 1)
    assert told.codes() == [FindingCode.SET_ASIDE]
    assert ready.end_state() == before


def test_a_plan_made_with_another_profile_is_refused(ready: Tiny) -> None:
    with sqlite3.connect(ready.job.plan_path) as plan:
        plan.execute("UPDATE header SET value = replace(value, 'target_profile\":\"', 'target_profile\":\"0')")
    with pytest.raises(Refused):
        _convert(ready)


def test_without_its_journal_a_finished_conversion_finds_itself_and_writes_nothing(ready: Tiny) -> None:
    """What else a lost or older journal leads to: tests/faults/test_lost_files.py."""
    _convert(ready)
    before = ready.end_state()
    for path in ready.folder.glob("journal.sqlite*"):
        path.unlink()
    checks, _ = _convert(ready)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}
    assert ready.end_state() == before


def test_without_its_journal_a_patient_of_whom_a_row_is_not_as_planned_is_left_for_a_person(ready: Tiny) -> None:
    """Rows that are ours but for one may be anybody's: a person may have worked with them."""
    _convert(ready)
    ready.another_writes("UPDATE PersonName SET FamilyName = 'Corrected' WHERE PersonID = 2")
    before = ready.end_state()
    for path in ready.folder.glob("journal.sqlite*"):
        path.unlink()
    checks, told = _convert(ready)
    assert checks[Check.PATIENTS_CONVERTED] == (Verdict.FAIL, 3, 2)
    assert [finding.patient for finding in told.findings] == ["2"] and told.codes() == [FindingCode.SET_ASIDE]
    assert ready.end_state() == before


def test_the_journal_of_another_plan_is_refused(ready: Tiny) -> None:
    with closing(Journal(ready.job.journal_path, ready.job.run_id, "0" * 64)) as journal:
        journal.set_aside(1, "why")
    with pytest.raises(Refused):
        _convert(ready)


@pytest.mark.parametrize("gone", ["store", "database"])
def test_a_target_that_is_not_there_is_said_in_a_sentence(ready: Tiny, gone: str) -> None:
    if gone == "store":
        shutil.rmtree(ready.store)
    else:
        Path(ready.target.removeprefix("sqlite:///")).unlink()
    with pytest.raises((EnvironmentProblem, UsageProblem)) as problem:
        _convert(ready)
    assert problem.value.next_step


def test_progress_counts_what_an_earlier_session_did(ready: Tiny) -> None:
    with pytest.raises(Interrupted):
        run_phase(convert.run, Phase.CONVERT, ready, control=StopsAfterOne())
    _, told = _convert(ready)
    first, last = told.progress[0], told.progress[-1]
    assert (first.patients_total, first.images_total) == (3, 6)
    assert (last.patients_done, last.images_done) == (3, 6)


_LOST: dict[str, Callable[[Tiny], None]] = {
    "a row of a patient": lambda tiny: tiny.another_writes("DELETE FROM PersonName WHERE PersonID = 2"),
    "a row of an image": lambda tiny: tiny.another_writes("DELETE FROM ActivityLog WHERE ItemID = 6"),
    "every row": lambda tiny: [  # type: ignore[dict-item]
        tiny.another_writes(f"DELETE FROM {table}")
        for table in ("ActivityLog", "Image", "Visual", "Series", "Study", "Patient", "PersonName", "Person")
    ],
}


@pytest.mark.parametrize("lost", _LOST)
def test_rows_that_are_gone_are_noticed_whatever_the_journal_remembers(built: Tiny, lost: str) -> None:
    """The target database was emptied, or restored from a backup, after the patients were done."""
    _dry_run(built)
    _convert(built)
    _LOST[lost](built)
    _is_refused_and_left_as_it_is(built)


@pytest.mark.parametrize("change", ["gone", "cut short", "a link", "a folder"])
def test_a_file_that_is_not_as_planned_is_noticed_whatever_the_journal_remembers(ready: Tiny, change: str) -> None:
    _convert(ready)
    file = ready.store / "Images/00/00/00/00000002.dex"
    content = file.read_bytes()
    file.unlink()
    if change == "cut short":
        file.write_bytes(content[:-1])
    elif change == "a link":
        (ready.folder / "elsewhere").write_bytes(content)
        file.symlink_to(ready.folder / "elsewhere")
    elif change == "a folder":
        file.mkdir()
    _is_refused_and_left_as_it_is(ready)


def test_a_conversion_half_done_is_not_resumed_into_a_target_that_lost_the_first_half(ready: Tiny) -> None:
    _convert(ready)
    with sqlite3.connect(ready.job.journal_path) as journal:
        journal.execute("DELETE FROM file WHERE number != 1")
        journal.execute("DELETE FROM entry WHERE number != 1")
    for table in ("ActivityLog", "Image", "Visual", "Series", "Study", "Patient", "PersonName", "Person"):
        ready.another_writes(f"DELETE FROM {table}")
    shutil.rmtree(ready.store / "Images")
    _is_refused_and_left_as_it_is(ready)


def test_images_that_were_declared_and_not_converted_are_not_missed(tmp_path: Path) -> None:
    practice = TinyPractice()
    del practice.files["1.2.11/b.dcm"]
    tiny = practice.build(tmp_path / "practice")
    _dry_run(tiny)
    _convert(tiny)
    assert {verdict for verdict, _, _ in _convert(tiny)[0].values()} == {Verdict.PASS}


def test_a_strangers_row_between_ours_does_not_stand_in_for_one_that_is_gone(tmp_path: Path) -> None:
    practice = TinyPractice()
    del practice.files["1.2.11/b.dcm"]  # its key is given to nobody
    tiny = practice.build(tmp_path / "practice")
    _dry_run(tiny)
    _convert(tiny)
    tiny.another_writes("DELETE FROM ActivityLog WHERE ItemID = 3")
    tiny.another_writes("INSERT INTO ActivityLog VALUES ('FileImport', 'theirs', 2, NULL)")
    _is_refused_and_left_as_it_is(tiny)


def test_what_the_practice_filed_since_is_no_reason_to_refuse(ready: Tiny) -> None:
    _convert(ready)
    ready.another_writes("INSERT INTO Person (PersonID, SSN, Removed) VALUES (900, 'theirs', 0)")
    (ready.store / "Images" / "theirs.dex").write_bytes(b"theirs")
    assert {verdict for verdict, _, _ in _convert(ready)[0].values()} == {Verdict.PASS}


def _is_refused_and_left_as_it_is(tiny: Tiny) -> None:
    before = tiny.end_state()
    with pytest.raises(Refused, match="does not hold what was converted") as refused:
        _convert(tiny)
    assert refused.value.reason is Refusal.EVIDENCE_NOT_NEWEST and "restored" in refused.value.next_step
    assert tiny.end_state() == before


def _reopen_intents(tiny: Tiny) -> None:
    """As if power was lost just before the journal said done."""
    with sqlite3.connect(tiny.job.journal_path) as journal:
        journal.execute("UPDATE entry SET state = 'intent'")
