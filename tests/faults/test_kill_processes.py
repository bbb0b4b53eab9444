"""kill -9 of a converter with worker processes of its own: none outlives it, and run again it ends the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engine.tiny import Tiny
from tests.faults.practice import Practice, converted

pytestmark = pytest.mark.fault

_PROGRAM = """
import sys
from pathlib import Path
from engine.phases import convert
from protocol.vocabulary import Phase
from tests.engine.tiny import Tiny, run_phase
if __name__ == "__main__":
    run_phase(convert.run, Phase.CONVERT, Tiny(Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    return Practice.build(tmp_path_factory.mktemp("processes") / "practice")


def _with_workers(tiny: Tiny, workers: int) -> None:
    settings = tiny.folder / "job.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("workers = 1", f"workers = {workers}"), encoding="utf-8")


def _children(pid: int) -> set[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


@pytest.mark.parametrize("point", ["after-intent:2", "after-link:3", "after-commit:1"])
def test_killed_with_worker_processes_it_leaves_no_process_and_resumes(
    practice: Practice, tmp_path: Path, point: str
) -> None:
    tiny = practice.copy(tmp_path / "killed")
    _with_workers(tiny, 2)
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    environment = {**os.environ, "BITEWING_FAILPOINT": point, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, program, tiny.folder], env=environment)
    workers: set[int] = set()
    while process.poll() is None:
        workers |= _children(process.pid)
        time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL
    assert workers
    _wait_until_gone(workers)
    _with_workers(tiny, 1)
    assert converted(tiny)
    practice.require_end(tiny)


def _wait_until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + 30
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return "(python" in Path(f"/proc/{pid}/stat").read_text() and "Z" not in _state(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
