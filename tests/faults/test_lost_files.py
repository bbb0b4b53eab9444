"""A file of the job's folder is lost in the middle of a conversion, or comes back from an older day.

Whoever stands in the target by then must not come a second time, and no gate opens by it: either what is there is found
by evidence, or it is refused with the words that say what to put back.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.failpoints import arm, killing
from engine.journal import recorded
from engine.phases import convert, dry_run, settle
from engine.phases.settle import Settlement
from engine.plan.reader import Plan
from protocol.errors import Refused
from protocol.vocabulary import FindingCode, Phase, Verdict
from tests.engine.tiny import RecordingReporter, Tiny, TinyPractice, Told, run_phase
from tests.faults.practice import Practice, converted, go_on, state
from tests.faults.processes import apart

pytestmark = pytest.mark.fault

# A patient converted; one cut short with its files linked and nothing committed; one with its rows committed.
POINTS = ("after-done:1", "before-commit:2", "after-commit:2", "after-done:2")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    return Practice.build(tmp_path_factory.mktemp("lost") / "practice")


@pytest.fixture(scope="module")
def top_up(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    return Practice.build(tmp_path_factory.mktemp("lost-top-up") / "practice", top_up=True)


def _killed(tiny: Tiny, point: str) -> None:
    def run() -> None:
        arm(killing(point))
        converted(tiny)

    assert apart(run).killed, point


def _lose(tiny: Tiny, name: str) -> None:
    for file in tiny.folder.glob(f"{name}*"):
        file.unlink()


def _kept(tiny: Tiny, name: str) -> Path:
    """A copy of a file of the job's folder as it is now."""
    aside = tiny.folder.parent / "aside"
    aside.mkdir()
    for file in tiny.folder.glob(f"{name}*"):
        shutil.copy(file, aside / file.name)
    return aside


def _put_back(tiny: Tiny, aside: Path, name: str) -> None:
    _lose(tiny, name)
    for file in aside.glob(f"{name}*"):
        shutil.copy(file, tiny.folder / file.name)


def _settled(tiny: Tiny) -> Settlement:
    with RecordingReporter(Phase.CONVERT, Told(), tiny.job.findings_path) as reporter:
        return settle.run(tiny.job, reporter)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("how", ["convert", "settle"])
def test_a_lost_journal_is_found_again_in_the_target(first: Practice, tmp_path: Path, point: str, how: str) -> None:
    tiny = first.copy(tmp_path / "practice")
    _killed(tiny, point)
    _lose(tiny, "journal.sqlite")
    if how == "settle":
        _settled(tiny)
        first.require_possible(tiny, lost=False)
    if not converted(tiny):
        assert (point, how) == ("before-commit:2", "convert"), "files alone are nobody's until a person says so"
        _settled(tiny)
        assert converted(tiny)
    first.require_end(tiny)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("older", ["after-intent:1", "after-done:1"])
def test_a_journal_of_an_older_hour_learns_from_the_target(
    first: Practice, tmp_path: Path, older: str, point: str
) -> None:
    tiny = first.copy(tmp_path / "practice")
    _killed(tiny, older)
    aside = _kept(tiny, "journal.sqlite")
    converted(tiny) if older == "after-done:1" else _killed(tiny, point)
    _put_back(tiny, aside, "journal.sqlite")
    _settled(tiny)
    assert converted(tiny)
    first.require_end(tiny)


@pytest.mark.parametrize("point", ["after-done:1", "before-commit:2", "after-commit:2", "after-old-file:1"])
def test_a_journal_from_before_a_top_up_learns_from_the_target(top_up: Practice, tmp_path: Path, point: str) -> None:
    tiny = top_up.copy(tmp_path / "practice")
    aside = _kept(tiny, "journal.sqlite")
    _killed(tiny, point)
    _put_back(tiny, aside, "journal.sqlite")
    _settled(tiny)
    assert converted(tiny)
    top_up.require_end(tiny)


def test_a_journal_from_before_a_whole_top_up_learns_from_the_target(top_up: Practice, tmp_path: Path) -> None:
    """Who was gone has left, and stays so."""
    tiny = top_up.copy(tmp_path / "practice")
    aside = _kept(tiny, "journal.sqlite")
    assert converted(tiny)
    _put_back(tiny, aside, "journal.sqlite")
    assert converted(tiny)
    top_up.require_end(tiny)


def test_a_journal_that_forgot_that_somebody_left_learns_it_from_the_target(tmp_path: Path) -> None:
    """Nobody came in that night, so no key says that anything was done."""
    practice = TinyPractice()
    tiny = practice.build(tmp_path / "practice")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert converted(tiny)
    practice.rows["patient"] = [row for row in practice.rows["patient"] if row["id"] != 3]
    practice.rows["study"] = [row for row in practice.rows["study"] if row["id"] != 31]
    practice.restage(tiny)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    aside = _kept(tiny, "journal.sqlite")
    assert converted(tiny)
    before = state(tiny)
    _put_back(tiny, aside, "journal.sqlite")
    assert converted(tiny)
    assert state(tiny) == before


@pytest.mark.parametrize("who", [1, 2, 3], ids=["changes", "leaves", "stays"])
def test_a_journal_that_does_not_know_the_earlier_night_is_refused(top_up: Practice, tmp_path: Path, who: int) -> None:
    tiny = top_up.copy(tmp_path / "practice")
    _forget(tiny, who)
    before = state(tiny)
    with pytest.raises(Refused, match="older than the plan"):
        converted(tiny)
    assert state(tiny) == before


def _forget(tiny: Tiny, number: int) -> None:
    with sqlite3.connect(tiny.job.journal_path) as journal:
        journal.execute("DELETE FROM file WHERE number = ?", (number,))
        journal.execute("DELETE FROM entry WHERE number = ?", (number,))


@pytest.mark.parametrize("point", ["after-done:1", "after-commit:2"])
def test_no_other_plan_is_made_while_the_target_holds_who_the_journal_does_not_know(
    first: Practice, tmp_path: Path, point: str
) -> None:
    tiny = first.copy(tmp_path / "practice")
    _killed(tiny, point)
    _lose(tiny, "journal.sqlite")
    plan = tiny.job.plan_path.read_bytes()
    with pytest.raises(Refused, match="run settle"):
        run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert tiny.job.plan_path.read_bytes() == plan
    _settled(tiny)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert converted(tiny)
    assert len(tiny.target_rows()["person"]) == 1 + len(first.units), "nobody came twice"


def test_a_whole_job_lost_after_a_night_meets_its_images_in_the_target(first: Practice, tmp_path: Path) -> None:
    """Plan and journal are gone, or it is a new job: only the images themselves say that they are there already."""
    tiny = first.copy(tmp_path / "practice")
    _killed(tiny, "after-done:1")
    for name in ("journal.sqlite", "plan.sqlite"):
        _lose(tiny, name)
    result, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    twice = [finding for finding in told.findings if finding.code is FindingCode.DUPLICATE_UID]
    assert len(twice) == 4 and {finding.patient for finding in twice} == {"1"}
    assert Verdict.FAIL in {check.verdict for check in result.checks}


def test_a_whole_job_put_back_from_the_evening_finds_its_changes_made(top_up: Practice, tmp_path: Path) -> None:
    tiny = top_up.copy(tmp_path / "practice")
    assert converted(tiny)
    before = state(tiny)
    shutil.rmtree(tiny.folder)
    shutil.copytree(top_up.folder / "job", tiny.folder)
    assert converted(tiny)
    assert state(tiny) == before


def test_a_whole_job_put_back_from_before_a_top_up_brings_nobody_twice(tmp_path: Path) -> None:
    """Its plan is that of the first night: whoever came since is only in the target."""
    practice = TinyPractice()
    tiny = practice.build(tmp_path / "practice")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert converted(tiny)
    shutil.copytree(tiny.folder, tmp_path / "older")
    go_on(practice)
    practice.restage(tiny)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert converted(tiny)
    before = state(tiny)
    shutil.rmtree(tiny.folder)
    shutil.copytree(tmp_path / "older", tiny.folder)
    practice.restage(tiny)
    with pytest.raises(Refused, match="does not hold what was converted"):
        converted(tiny)
    result, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert Verdict.FAIL in {check.verdict for check in result.checks}
    assert {finding.patient for finding in told.findings if finding.code is FindingCode.DUPLICATE_UID} == {"4"}
    assert FindingCode.TARGET_CHANGED in told.codes()
    assert state(tiny) == before


def test_without_the_plan_that_the_journal_follows_the_words_say_what_to_put_back(
    first: Practice, tmp_path: Path
) -> None:
    tiny = first.copy(tmp_path / "practice")
    _killed(tiny, "after-commit:1")
    _lose(tiny, "plan.sqlite")
    before = state(tiny)
    for run in (lambda: converted(tiny), lambda: run_phase(dry_run.run, Phase.DRY_RUN, tiny), lambda: _settled(tiny)):
        with pytest.raises(Refused, match=r"plan") as refused:
            run()
        assert "new job" not in str(refused.value)
    assert state(tiny) == before


@pytest.mark.parametrize("point", ["after-intent:1", "before-commit:1", "after-commit:1", "after-done:1"])
@pytest.mark.parametrize("kind", ["first", "top_up"])
def test_settle_converts_nobody_and_leaves_each_patient_whole(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, point: str
) -> None:
    practice: Practice = request.getfixturevalue(kind)
    tiny = practice.copy(tmp_path / "practice")
    _killed(tiny, point)
    rows = tiny.target_rows()
    found = _settled(tiny)
    assert tiny.target_rows() == rows
    assert (found.open, found.converted) == {"after-commit:1": (1, 1), "after-done:1": (0, 0)}.get(point, (1, 0))
    practice.require_whole(tiny)
    assert "intent" not in {state.value for state in recorded(tiny.job.journal_path).states.values()}
    assert converted(tiny)
    practice.require_end(tiny)


def test_settle_of_a_target_where_nothing_was_begun_does_nothing(first: Practice, tmp_path: Path) -> None:
    tiny = first.copy(tmp_path / "practice")
    before = state(tiny)
    assert _settled(tiny) == Settlement(0, 0)
    assert state(tiny) == before
    assert converted(tiny)
    first.require_end(tiny)


@pytest.mark.parametrize("how", ["convert", "settle"])
def test_files_that_only_lie_where_ours_would_go_are_never_taken_for_ours(
    first: Practice, tmp_path: Path, how: str
) -> None:
    tiny = first.copy(tmp_path / "practice")
    _killed(tiny, "before-commit:1")
    _lose(tiny, "journal.sqlite")
    with closing(Plan(tiny.job.plan_path)) as plan:
        linked = [tiny.store / image.path for image in plan.change(1).comes.images]  # type: ignore[union-attr]
    linked[0].unlink()
    linked[0].write_bytes(b"somebody's")
    if how == "settle":
        _settled(tiny)
    _, told = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    assert FindingCode.PATH_TAKEN in told.codes()
    assert linked[0].read_bytes() == b"somebody's" and all(path.exists() for path in linked)
