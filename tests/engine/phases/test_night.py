"""A conversion whose night ends, is paused, throttled or has late arrivals: whole patients, and the same end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.journal import Journal, State
from engine.phases import convert, dry_run, reconcile
from engine.plan.reader import Plan
from engine.running.control import Switch, Uncontrolled
from engine.running.night import NightClock
from protocol.errors import Interrupted, NightOver, Refused
from protocol.vocabulary import Check, FindingCode, Phase, Refusal, Verdict
from tests.engine.tiny import StopsAfterOne, Tiny, TinyPractice, dicom, run_phase

EVENING = datetime(2026, 5, 4, 20, tzinfo=UTC).timestamp()


def _ready(folder: Path, workers: int = 1, settings: str = "") -> Tiny:
    tiny = TinyPractice().build(folder, workers=workers)
    with (tiny.folder / "job.toml").open("a", encoding="utf-8") as file:
        file.write(settings)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    return tiny


def _done(tiny: Tiny) -> list[int]:
    journal = Journal(tiny.job.journal_path, tiny.job.run_id, Plan(tiny.job.plan_path).digest)
    return list(journal.numbers(State.DONE))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> object:
    tiny = _ready(tmp_path_factory.mktemp("whole") / "practice")
    run_phase(convert.run, Phase.CONVERT, tiny)
    return tiny.end_state()


@pytest.mark.parametrize("workers", [1, 4])
def test_a_night_that_ends_leaves_whole_patients_and_the_next_one_finishes(
    tmp_path: Path, uninterrupted: object, workers: int
) -> None:
    tiny = _ready(tmp_path / "practice", workers, "begin = '19:00'\ndeadline = '07:30'\n")
    now = EVENING

    class Sunrise(Uncontrolled):
        calls = 0

        def checkpoint(self) -> None:
            nonlocal now
            self.calls += 1
            if self.calls == 3:
                now = EVENING + 11.5 * 3600  # 07:30

    clock = NightClock(lambda: now, zone=UTC)
    with pytest.raises(NightOver) as over:
        run_phase(convert.run, Phase.CONVERT, tiny, control=Sunrise(), clock=clock)
    assert over.value.resumes_at == int(EVENING + 23 * 3600)
    assert _done(tiny) == [1, 2]
    assert sorted(path.name for path in tiny.store.iterdir()) == ["Images", "Thumbnails"]
    now = EVENING + 24 * 3600
    result, _ = run_phase(convert.run, Phase.CONVERT, tiny, clock=clock)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}
    assert tiny.end_state() == uninterrupted


def test_in_opening_hours_not_even_the_first_patient_is_begun(tmp_path: Path) -> None:
    tiny = _ready(tmp_path / "practice", settings="begin = '19:00'\ndeadline = '07:30'\n")
    with pytest.raises(NightOver):
        run_phase(convert.run, Phase.CONVERT, tiny, clock=NightClock(lambda: EVENING - 3 * 3600, zone=UTC))
    assert _done(tiny) == [] and tiny.store_content() == {}


@pytest.mark.parametrize("workers", [1, 4])
def test_paused_nothing_is_begun_and_stopped_everything_under_way_is_settled(
    tmp_path: Path, uninterrupted: object, workers: int
) -> None:
    tiny = _ready(tmp_path / "practice", workers)
    switch = Switch(pace=50)
    calls = 0

    class Watched(Switch):
        @property
        def pace(self) -> int:
            return switch.pace

        @pace.setter
        def pace(self, pace: int) -> None:
            return

        def checkpoint(self) -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                switch.obey(["pause", "pace 100", "resume"])  # the words end: that is a stop
            switch.checkpoint()

    with pytest.raises(Interrupted):
        run_phase(convert.run, Phase.CONVERT, tiny, control=Watched())
    assert _done(tiny) == [1]
    assert switch.pace == 100
    run_phase(convert.run, Phase.CONVERT, tiny)
    assert tiny.end_state() == uninterrupted


def _arrives(tiny: Tiny) -> None:
    (tiny.folder.parent / "source" / "1.2.11" / "late.dcm").write_bytes(dicom(77))


def test_what_came_before_the_night_refuses_it_with_nothing_written(tmp_path: Path) -> None:
    tiny = _ready(tmp_path / "practice")
    _arrives(tiny)
    with pytest.raises(Refused, match="1 file more than at staging") as refused:
        run_phase(convert.run, Phase.CONVERT, tiny)
    assert refused.value.reason is Refusal.EVIDENCE_NOT_NEWEST
    assert "stage" in refused.value.next_step
    assert tiny.store_content() == {} and tiny.target_rows()["visual"] == []


def test_what_comes_during_the_night_lets_it_finish_and_keeps_its_gate_closed(
    tmp_path: Path, uninterrupted: object
) -> None:
    tiny = _ready(tmp_path / "practice")

    class Practice(Uncontrolled):
        def checkpoint(self) -> None:
            _arrives(tiny)

    result, told = run_phase(convert.run, Phase.CONVERT, tiny, control=Practice())
    failed = [check.check for check in result.checks if check.verdict is Verdict.FAIL]
    assert failed == [Check.NOTHING_NEWER]
    assert told.codes() == [FindingCode.LATE_ARRIVAL]
    assert tiny.end_state() == uninterrupted


def test_a_backup_that_is_written_anew_in_the_night_lets_it_finish_and_keeps_its_gate_closed(
    tmp_path: Path, uninterrupted: object
) -> None:
    tiny = _ready(tmp_path / "practice")

    class Backup(Uncontrolled):
        def checkpoint(self) -> None:
            (tiny.folder.parent / "backup.sqlite").write_bytes(b"the next night's")

    result, told = run_phase(convert.run, Phase.CONVERT, tiny, control=Backup())
    assert [check.check for check in result.checks if check.verdict is Verdict.FAIL] == [Check.NOTHING_NEWER]
    assert told.codes() == [FindingCode.LATE_ARRIVAL]
    assert tiny.end_state() == uninterrupted


def test_a_night_that_was_begun_is_finished_although_the_practice_took_images_by_day(tmp_path: Path) -> None:
    tiny = _ready(tmp_path / "practice")

    with pytest.raises(Interrupted):
        run_phase(convert.run, Phase.CONVERT, tiny, control=StopsAfterOne())
    _arrives(tiny)
    result, _ = run_phase(convert.run, Phase.CONVERT, tiny)
    checks = {check.check: check.verdict for check in result.checks}
    assert checks[Check.PATIENTS_CONVERTED] is Verdict.PASS
    assert checks[Check.NOTHING_NEWER] is Verdict.FAIL


def test_what_comes_after_the_night_is_seen_by_reconcile(tmp_path: Path) -> None:
    tiny = _ready(tmp_path / "practice")
    run_phase(convert.run, Phase.CONVERT, tiny)
    _arrives(tiny)
    result, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    checks = {check.check: check.verdict for check in result.checks}
    assert checks[Check.NOTHING_NEWER] is Verdict.FAIL and checks[Check.SOURCE_UNCHANGED] is Verdict.PASS
    assert FindingCode.LATE_ARRIVAL in told.codes()
