"""The same plan gives the same store and rows: with one worker, with four, and however often it was killed.

The kills are real: SIGKILL, at random times (from a seed), at the converter or at one of its workers.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.phases import convert, dry_run
from protocol.errors import BitewingError
from protocol.vocabulary import Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, dicom, run_phase
from tests.faults.practice import warm

pytestmark = pytest.mark.fault

_KILLS = 50
_PATIENTS = 40


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Tiny]:
    """Makes copies of one planned practice, with as many workers as wanted."""
    folder = tmp_path_factory.mktemp("determinism")
    built = _larger().build(folder / "planned", workers=1)
    run_phase(dry_run.run, Phase.DRY_RUN, built)

    def copy(name: str, workers: int) -> Tiny:
        shutil.copytree(folder / "planned", folder / name)
        settings = folder / name / "job" / "job.toml"
        text = settings.read_text(encoding="utf-8").replace("workers = 1", f"workers = {workers}")
        settings.write_text(text, encoding="utf-8")
        return Tiny(folder / name / "job")

    return copy


@pytest.fixture(scope="module")
def undisturbed(planned: Callable[[str, int], Tiny]) -> Any:
    return _converted(planned("one-worker", 1))


def _larger() -> TinyPractice:
    """As many patients as it takes for a kill to find somebody under way."""
    practice = TinyPractice()
    media = practice.rows["media"]
    for number in range(100, 100 + _PATIENTS):
        practice.rows["patient"].append({**practice.row("patient", 1), "id": number, "practice_pms_id": f"P{number}"})
        practice.rows["study"].append(
            {**practice.row("study", 11), "id": number, "patient_id": number, "study_instance_uid": f"1.2.{number}"}
        )
        practice.rows["series"].append(
            {**practice.row("series", 111), "id": number, "study_id": number, "series_instance_uid": f"1.2.9.{number}"}
        )
        for key in range(10 * number, 10 * number + number % 4):
            changed = {"id": key, "series_id": number, "file_name": f"{key}.dcm", "sop_instance_uid": f"1.2.826.{key}"}
            media.append({**practice.row("media", 1), **changed})
            practice.files[f"1.2.{number}/{key}.dcm"] = dicom(key)
    return practice


def _converted(tiny: Tiny) -> Any:
    result, told = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}, told.findings
    return tiny.end_state()


def test_four_workers_make_what_one_makes(planned: Callable[[str, int], Tiny], undisturbed: Any) -> None:
    assert _converted(planned("four-workers", 4)) == undisturbed


def test_after_random_kills_of_converter_and_workers_the_end_is_the_same(
    planned: Callable[[str, int], Tiny],
    undisturbed: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    warm(monkeypatch.setitem)
    chance, kills, practices = random.Random(11), Counter[str](), 0
    patience = _seconds_undisturbed(planned("timed", 4)) / 4
    while kills.total() < _KILLS:
        practices += 1
        tiny = planned(f"killed-{practices}", 4)
        while not _run_with_kills(tiny, chance, patience, kills):
            pass
        assert _converted(tiny) == undisturbed
    with capsys.disabled():
        print(f"\n{kills.total()} kills ({dict(kills)}) over {practices} runs of a practice: the end is the same")
    assert set(kills) == {"converter", "worker"}


def _started(tiny: Tiny) -> Any:
    process = multiprocessing.get_context("fork").Process(target=_in_forked_workers, args=(tiny,))
    process.start()
    return process


def _seconds_undisturbed(tiny: Tiny) -> float:
    """How long a run takes here and now, so that kills fall all over it."""
    started = time.monotonic()
    _started(tiny).join()
    return time.monotonic() - started


def _run_with_kills(tiny: Tiny, chance: random.Random, patience: float, kills: Counter[str]) -> bool:
    """Starts the converter and kills at random until it ends; whether it ended by itself, and passed."""
    process = _started(tiny)
    while process.is_alive():
        process.join(chance.uniform(0, 2 * patience))
        if kills.total() < _KILLS and process.is_alive():
            workers = _children(process.pid)
            victim = chance.choice(workers) if workers and chance.random() < 0.6 else process.pid
            kills["converter" if victim == process.pid else "worker"] += _kill(victim)
    return bool(process.exitcode == 0)


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _in_forked_workers(tiny: Tiny) -> None:
    """The converter with workers forked from this warm process; a set-aside patient is for the next run."""
    forking = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda method=None: forking  # type: ignore[assignment]
    try:
        result, _ = run_phase(convert.run, Phase.CONVERT, tiny, sleep=time.sleep)
    except BitewingError:
        os._exit(1)
    os._exit(0 if all(check.verdict is Verdict.PASS for check in result.checks) else 1)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    try:
        return sorted({int(child) for task in tasks for child in task.read_text().split()})
    except (FileNotFoundError, ProcessLookupError):
        return []
