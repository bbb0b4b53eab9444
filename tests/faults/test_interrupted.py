"""Stopped by a person, between patients or inside one, or left by its server: nothing is half done, and it resumes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.failpoints import arm, killing
from engine.phases import convert, dry_run, settle
from engine.phases.settle import Settlement
from engine.plan.reader import Plan
from engine.profiles.load import load_target
from engine.running.control import Uncontrolled
from engine.target import disk
from engine.target.database import TargetDatabase
from engine.target.failures import Failure, Kind
from engine.target.planned import planned_rows
from protocol.errors import Interrupted
from protocol.vocabulary import Phase
from tests.engine.tiny import RecordingReporter, Tiny, TinyPractice, Told, run_phase
from tests.faults.practice import Practice, converted
from tests.faults.processes import apart

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    return Practice.build(tmp_path_factory.mktemp("interrupted") / "practice")


class _StopsAfter(Uncontrolled):
    def __init__(self, patients: int, error: BaseException) -> None:
        self._left, self._error = patients, error

    def checkpoint(self) -> None:
        if self._left == 0:
            raise self._error
        self._left -= 1


def _resumes(practice: Practice, tiny: Tiny) -> None:
    practice.require_possible(tiny, lost=False)
    practice.require_whole(tiny)
    assert converted(tiny)
    practice.require_end(tiny)


@pytest.mark.parametrize("error", [Interrupted("stopped"), KeyboardInterrupt()], ids=["stop", "ctrl-c"])
@pytest.mark.parametrize("patients", [0, 1, 2])
def test_stopped_between_patients_nothing_is_half_done(
    practice: Practice, tmp_path: Path, error: BaseException, patients: int
) -> None:
    tiny = practice.copy(tmp_path / "stopped")
    with pytest.raises(type(error)):
        run_phase(convert.run, Phase.CONVERT, tiny, control=_StopsAfter(patients, error))
    assert len(tiny.target_rows()["person"]) == 1 + patients
    _resumes(practice, tiny)


@pytest.mark.parametrize("call", ["write_durably", "publish", "sync_folders"])
def test_ctrl_c_inside_a_patient_leaves_nothing_of_it(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    tiny = practice.copy(tmp_path / "interrupted")
    with monkeypatch.context() as patched:
        patched.setattr(disk, call, _Interrupts(getattr(disk, call), n=2))
        with pytest.raises(KeyboardInterrupt):
            converted(tiny)
    _resumes(practice, tiny)


class _Interrupts:
    def __init__(self, wrapped: Callable[..., Any], n: int) -> None:
        self._wrapped, self._left = wrapped, n

    def __call__(self, *args: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return self._wrapped(*args)


@pytest.mark.parametrize("reached", [True, False], ids=["the commit was reached", "the commit was not reached"])
@pytest.mark.parametrize("questions", [1, 2])
def test_a_server_that_stays_away_for_a_while_after_a_lost_answer_is_asked_again(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reached: bool, questions: int
) -> None:
    tiny = practice.copy(tmp_path / "away")
    found_of, insert = TargetDatabase.found_of, TargetDatabase.insert
    away = {"for": 0, "done": False}

    def inserts_and_loses(database: TargetDatabase, connection: Any, rows: Any) -> None:
        insert(database, connection, rows)
        if not away["done"]:
            away.update({"done": True, "for": questions})
            if reached:
                connection.connection.commit()
            raise sa.exc.OperationalError("INSERT", {}, RuntimeError("server closed the connection"))

    def asks(database: TargetDatabase, rows: Any, *, after_writers: bool = False) -> Any:
        if away["for"]:
            away["for"] -= 1
            raise Failure(Kind.ENVIRONMENT, "the server is away")
        return found_of(database, rows, after_writers=after_writers)

    monkeypatch.setattr(TargetDatabase, "insert", inserts_and_loses)
    monkeypatch.setattr(TargetDatabase, "found_of", asks)
    assert converted(tiny)
    practice.require_end(tiny)


def test_a_commit_that_is_still_under_way_in_the_server_is_waited_for(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    """The converter is dead, and its server has yet to make its last commit: nobody may call the patient undone."""
    tiny = TinyPractice().build(tmp_path / "practice", target=new_database())
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)

    def killed() -> None:
        arm(killing("before-commit:1"))
        converted(tiny)

    assert apart(killed).killed
    target = load_target("dexis10")
    with closing(Plan(tiny.job.plan_path)) as plan:
        rows = planned_rows(plan.patient(plan.changes()[0]), target)
    with closing(TargetDatabase(tiny.target, target, read_only=False)) as server, ThreadPoolExecutor(1) as after:
        with server.transaction() as connection:
            server.insert(connection, rows)
            settling = after.submit(_settled, tiny)
            while not settling.done() and not _somebody_waits(tiny):
                time.sleep(0.01)
        assert settling.result() == Settlement(open=1, converted=1)
    assert converted(tiny)


def _settled(tiny: Tiny) -> Settlement:
    with RecordingReporter(Phase.CONVERT, Told(), tiny.job.findings_path) as reporter:
        return settle.run(tiny.job, reporter)


def _somebody_waits(tiny: Tiny) -> bool:
    engine = sa.create_engine(tiny.target)
    with engine.connect() as connection:
        waiting = connection.execute(sa.text("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")).scalar_one()
    engine.dispose()
    return bool(waiting)
