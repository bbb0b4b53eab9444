"""The Nth call to disk or database fails, for every N; the conversion retries, or stops whole and resumes."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.control import Uncontrolled
from engine.phases import convert
from engine.target import disk
from engine.target.database import TargetDatabase
from engine.target.failures import Failure, Kind
from protocol.errors import EnvironmentProblem, Interrupted
from protocol.vocabulary import Phase, Verdict
from tests.engine.tiny import Tiny, run_phase
from tests.faults.conftest import Planned

pytestmark = pytest.mark.fault


@dataclass
class Fails:
    """Passes calls on, but raises at the calls numbered from `first` on, `times` in a row."""

    wrapped: Callable[..., Any]
    error: Exception
    first: int
    times: int
    calls: int = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.first <= self.calls < self.first + self.times:
            raise self.error
        return self.wrapped(*args, **kwargs)


IO_ERROR = OSError(errno.EIO, "Input/output error")
DISK_FULL = OSError(errno.ENOSPC, "No space left on device")
# Call, and how often an undisturbed conversion of the tiny practice makes it.
DISK_CALLS = {"write_durably": 6, "publish": 6, "make_folders": 6, "sync_folders": 3}


def _converted(tiny: Tiny) -> bool:
    result, _ = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    return all(check.verdict is Verdict.PASS for check in result.checks)


@pytest.mark.parametrize(("call", "n"), [(call, n + 1) for call, many in DISK_CALLS.items() for n in range(many)])
@pytest.mark.parametrize("error", [IO_ERROR, DISK_FULL], ids=["io-error", "disk-full"])
def test_one_failing_disk_call_is_retried_and_leaves_no_trace(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, n: int, error: OSError
) -> None:
    tiny = planned.copy(tmp_path / "failing")
    failing = Fails(getattr(disk, call), error, n, times=1)
    monkeypatch.setattr(disk, call, failing)
    assert _converted(tiny)
    assert failing.calls > n
    assert tiny.end_state() == planned.undisturbed


@pytest.mark.parametrize("n", [1, 3, 6])
def test_a_disk_that_stays_full_stops_the_run_whole_and_the_same_command_resumes(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    tiny = planned.copy(tmp_path / "full")
    with monkeypatch.context() as patched:
        patched.setattr(disk, "write_durably", Fails(disk.write_durably, DISK_FULL, n, times=10_000))
        with pytest.raises(EnvironmentProblem):
            _converted(tiny)
    files, rows, root = tiny.end_state()
    assert set(files) == {row[1] for row in rows["activitylog"]}
    assert root == ["Images", "Thumbnails"]
    assert _converted(tiny)
    assert tiny.end_state() == planned.undisturbed


def test_a_patient_whose_files_keep_failing_is_set_aside_and_the_run_goes_on(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = planned.copy(tmp_path / "failing")

    def fails_for_one(path: Path, *pieces: bytes, write: Callable[..., None] = disk.write_durably) -> None:
        if path.name == "00000005":
            raise IO_ERROR
        write(path, *pieces)

    with monkeypatch.context() as patched:
        patched.setattr(disk, "write_durably", fails_for_one)
        assert not _converted(tiny)
    assert len(tiny.target_rows()["person"]) == 2
    assert _converted(tiny)
    assert tiny.end_state() == planned.undisturbed


def _operational() -> sa.exc.OperationalError:
    return sa.exc.OperationalError("INSERT", {}, RuntimeError("server closed the connection"))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_database_lost_in_a_transaction_rolls_that_patient_back_and_tries_again(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    tiny = planned.copy(tmp_path / "lost")
    insert = Fails(TargetDatabase.insert, _operational(), n, times=1)
    monkeypatch.setattr(TargetDatabase, "insert", partialmethod(insert))
    assert _converted(tiny)
    assert tiny.end_state() == planned.undisturbed


@pytest.mark.parametrize("reached", [True, False], ids=["the commit was reached", "the commit was not reached"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_commit_whose_answer_was_lost_is_settled_by_looking(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int, reached: bool
) -> None:
    tiny = planned.copy(tmp_path / "lost")
    commit = sa.engine.default.DefaultDialect.do_commit
    writes = {"seen": 0}

    def answer_lost(dialect: Any, connection: Any) -> None:
        writing = connection.in_transaction
        writes["seen"] += writing
        if writing and writes["seen"] == n:
            if reached:
                commit(dialect, connection)
            raise sqlite3.OperationalError("the answer was lost")
        commit(dialect, connection)

    monkeypatch.setattr(sa.engine.default.DefaultDialect, "do_commit", answer_lost)
    assert _converted(tiny)
    assert writes["seen"] > n or reached
    assert tiny.end_state() == planned.undisturbed


@pytest.mark.parametrize("reached", [True, False], ids=["the commit was reached", "the commit was not reached"])
@pytest.mark.parametrize("questions", [1, 2])
def test_a_server_that_stays_away_for_a_while_after_a_lost_answer_is_asked_again(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reached: bool, questions: int
) -> None:
    tiny = planned.copy(tmp_path / "away")
    found_of, insert = TargetDatabase.found_of, TargetDatabase.insert
    away = {"for": 0, "done": False}

    def inserts_and_loses(database: TargetDatabase, connection: Any, rows: Any) -> None:
        insert(database, connection, rows)
        if not away["done"]:
            away.update({"done": True, "for": questions})
            if reached:
                connection.connection.commit()
            raise _operational()

    def asks(database: TargetDatabase, rows: Any, *, after_writers: bool = False) -> Any:
        if away["for"]:
            away["for"] -= 1
            raise Failure(Kind.ENVIRONMENT, "the server is away")
        return found_of(database, rows, after_writers=after_writers)

    monkeypatch.setattr(TargetDatabase, "insert", inserts_and_loses)
    monkeypatch.setattr(TargetDatabase, "found_of", asks)
    assert _converted(tiny)
    assert tiny.end_state() == planned.undisturbed


class _StopsAfter(Uncontrolled):
    def __init__(self, patients: int, error: BaseException) -> None:
        self._left, self._error = patients, error

    def checkpoint(self) -> None:
        if self._left == 0:
            raise self._error
        self._left -= 1


@pytest.mark.parametrize("error", [Interrupted("stopped"), KeyboardInterrupt()], ids=["stop", "ctrl-c"])
@pytest.mark.parametrize("patients", [0, 1, 2])
def test_stopped_between_patients_nothing_is_half_done(
    planned: Planned, tmp_path: Path, error: BaseException, patients: int
) -> None:
    tiny = planned.copy(tmp_path / "stopped")
    with pytest.raises(type(error)):
        run_phase(convert.run, Phase.CONVERT, tiny, control=_StopsAfter(patients, error))
    files, rows, root = tiny.end_state()
    assert len(rows["person"]) == patients
    assert set(files) == {row[1] for row in rows["activitylog"]}
    assert root == ["Images", "Thumbnails"]
    assert _converted(tiny)
    assert tiny.end_state() == planned.undisturbed


@pytest.mark.parametrize("call", ["write_durably", "publish", "sync_folders"])
def test_ctrl_c_inside_a_patient_leaves_nothing_of_it(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    tiny = planned.copy(tmp_path / "interrupted")
    with monkeypatch.context() as patched:
        patched.setattr(disk, call, _Interrupts(getattr(disk, call), n=2))
        with pytest.raises(KeyboardInterrupt):
            _converted(tiny)
    files, rows, root = tiny.end_state()
    assert set(files) == {row[1] for row in rows["activitylog"]}
    assert root == ["Images", "Thumbnails"]
    assert _converted(tiny)
    assert tiny.end_state() == planned.undisturbed


class _Interrupts:
    def __init__(self, wrapped: Callable[..., Any], n: int) -> None:
        self._wrapped, self._left = wrapped, n

    def __call__(self, *args: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return self._wrapped(*args)
