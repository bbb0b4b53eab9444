"""A disk that reports errors: one bad spot costs a patient, a disk that takes no file any more ends the night."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine.journal import Journal, State
from engine.phases import convert, dry_run
from engine.plan.reader import Plan
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import Check, FindingCode, Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, Told, run_phase


@pytest.fixture
def ready(tmp_path: Path) -> Tiny:
    tiny = TinyPractice().build(tmp_path / "practice")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    return tiny


def _convert(tiny: Tiny) -> tuple[dict[Check, Verdict], Told]:
    result, told = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    return {check.check: check.verdict for check in result.checks}, told


def _failing(job: Path, is_bad: Callable[[int], bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no file whose size `is_bad` is ever flushed, but for those of the job's own folder."""
    flush = os.fsync

    def fsync(file: int) -> None:
        status = os.fstat(file)
        is_own = any(os.path.samestat(status, path.stat()) for path in job.iterdir())
        if not is_own and is_bad(status.st_size):
            raise OSError(errno.EIO, "Input/output error")
        flush(file)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_disk_that_takes_no_file_any_more_ends_the_night_at_the_first_patient(
    ready: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        _failing(ready.folder, lambda size: True, broken)
        with pytest.raises(EnvironmentProblem, match="disk reports errors") as problem:
            _convert(ready)
    assert "target.store" in str(problem.value) and "run convert again" in problem.value.next_step
    with closing(Journal(ready.job.journal_path, ready.job.run_id, Plan(ready.job.plan_path).digest)) as journal:
        assert journal.numbers(State.SET_ASIDE) == journal.numbers(State.DONE) == []
    assert ready.store_content() == {}
    checks, told = _convert(ready)
    assert set(checks.values()) == {Verdict.PASS} and told.codes() == []


def test_one_bad_spot_sets_aside_the_patient_who_meets_it(ready: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Plan(ready.job.plan_path)) as plan:
        size = plan.patient(2).images[0].size
    _failing(ready.folder, lambda length: length == size, monkeypatch)
    checks, told = _convert(ready)
    assert [finding.patient for finding in told.findings if finding.code is FindingCode.SET_ASIDE] == ["2"]
    assert checks[Check.NOTHING_SET_ASIDE] is checks[Check.PATIENTS_CONVERTED] is Verdict.FAIL
