"""kill -9 of any process at any phase: the demo, started again if need be, ends exact, with nothing lost or doubled."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.demo.demo_process import MOST_SECONDS, Ended, event_numbers, finish, processes_of, run, start

pytestmark = [pytest.mark.e2e, pytest.mark.fault]
_SCRIPT = Path(__file__).parents[1] / "suites" / "equal_pixels.py"
_VICTIMS = {"engine": "engine.cli.main", "agent": "agent.cli.main", "hub": "console.cli.main", "demo": "demo.cli"}


def _kill_during(process: subprocess.Popen[str], folder: Path, victim: str, phase: str) -> None:
    """Wait until the engine runs `phase`, then kill -9 the victim."""
    deadline = time.monotonic() + MOST_SECONDS
    while not list(processes_of(folder, "engine.cli.main", phase)):
        assert process.poll() is None and time.monotonic() < deadline, f"{phase} never began"
        time.sleep(0.05)
    for found in list(processes_of(folder, _VICTIMS[victim])):
        found.kill()


def _to_the_end(process: subprocess.Popen[str], folder: Path) -> Ended:
    ended = finish(process)
    return ended if ended.code == 0 else run(folder)


@pytest.mark.parametrize(
    ("victim", "phase"),
    [
        ("engine", "convert"),
        ("engine", "reconcile"),
        ("agent", "dry-run"),
        ("hub", "convert"),
        ("demo", "convert"),
    ],
)
def test_a_killed_process_loses_and_doubles_nothing(tmp_path: Path, victim: str, phase: str) -> None:
    process = start(tmp_path, "--patients", "1")
    _kill_during(process, tmp_path, victim, phase)
    ended = _to_the_end(process, tmp_path)
    assert ended.code == 0, ended.err
    assert ended.document["exact"] is True
    numbers = event_numbers(tmp_path)
    assert numbers == list(range(1, len(numbers) + 1)) != []
    subprocess.run([sys.executable, _SCRIPT, tmp_path], check=True, stdout=subprocess.DEVNULL)
    assert list(processes_of(tmp_path)) == []
