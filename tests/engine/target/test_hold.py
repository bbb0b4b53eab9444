"""One conversion at a time writes a target: the second is refused with nothing done, whichever job it is of."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from engine.compose import held
from engine.failpoints import arm, killing
from engine.phases import convert, dry_run
from engine.target import hold
from engine.target.hold import target_held
from protocol.errors import Refused
from protocol.vocabulary import Phase, Refusal, Verdict
from tests.engine.tiny import Tiny, TinyPractice, run_phase
from tests.faults.processes import apart


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    monkeypatch.setattr(hold, "_SECONDS", 0.1)
    tiny = TinyPractice().build(tmp_path / "practice")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    return tiny


def _passes(tiny: Tiny) -> bool:
    result, _ = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    return {check.verdict for check in result.checks} == {Verdict.PASS}


def test_while_another_process_converts_into_the_target_nothing_is_done(ready: Tiny) -> None:
    context = multiprocessing.get_context("fork")
    holds, may_end = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(ready.store, holds, may_end))
    other.start()
    assert holds.wait(30)
    try:
        with pytest.raises(Refused, match="another conversion is writing") as refused:
            _passes(ready)
        assert refused.value.reason is Refusal.JOB_HELD
        assert ready.target_rows()["person"] == [] and set(ready.store_content()) == {hold.NAME}
    finally:
        may_end.set()
        other.join()
    assert _passes(ready)
    assert not (ready.store / hold.NAME).exists()


def _hold(store: Path, holds: Any, may_end: Any) -> None:
    with target_held(store):
        holds.set()
        may_end.wait(60)


def test_a_conversion_that_was_killed_holds_nothing(ready: Tiny) -> None:
    def killed() -> None:
        arm(killing("after-link"))
        _passes(ready)

    assert apart(killed).killed and (ready.store / hold.NAME).exists()
    assert _passes(ready)
    assert not (ready.store / hold.NAME).exists()


@pytest.mark.parametrize("others", [(1, 2, 3), (1,)], ids=["everybody else", "partly the same people"])
def test_a_second_job_planned_for_the_same_target_writes_nothing_once_the_first_has_written(
    ready: Tiny, tmp_path: Path, others: tuple[int, ...]
) -> None:
    """Planned while the target was still empty, its keys and paths are those of the first."""
    practice = TinyPractice()
    for key in others:
        practice.row("patient", key)["family_name"] = f"Elsewhere{key}"
    second = practice.build(tmp_path / "second")
    settings = second.folder / "job.toml"
    text = settings.read_text("utf-8").replace("../target.sqlite", f"{ready.store.parent}/target.sqlite")
    settings.write_text(text.replace("'../target'", f"'{ready.store}'"), "utf-8")
    run_phase(dry_run.run, Phase.DRY_RUN, second)
    assert _passes(ready)
    before = ready.end_state()
    if len(others) == len(practice.rows["patient"]):
        with pytest.raises(Refused, match="written since the dry run"):
            _passes(second)
    else:
        assert not _passes(second)
    assert ready.end_state() == before


def test_the_same_job_is_worked_on_by_one_process(ready: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compose.LOCK_SECONDS", 0.1)
    with held(ready.job):
        ended = apart(lambda: _reason(ready))
    assert ended.result == Refusal.JOB_HELD


def _reason(tiny: Tiny) -> str | None:
    try:
        with held(tiny.job):
            return None
    except Refused as refused:
        return refused.reason
