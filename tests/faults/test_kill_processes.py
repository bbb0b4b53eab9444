"""kill -9 with real worker processes and a real PostgreSQL: run again, it ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.phases import convert, dry_run
from protocol.vocabulary import Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, run_phase
from tests.faults.conftest import Planned
from tests.faults.killing import died_at

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


def _convert(tiny: Tiny) -> None:
    result, told = run_phase(convert.run, Phase.CONVERT, tiny, sleep=lambda seconds: None)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}, told.findings


def _with_workers(tiny: Tiny, workers: int) -> None:
    settings = tiny.folder / "job.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("workers = 1", f"workers = {workers}"), encoding="utf-8")


def _children(pid: int) -> set[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


@pytest.mark.parametrize(
    "point", ["after-intent:2", "after-insert:2", "after-link:3", "after-commit:1", "after-done:2"]
)
def test_killed_with_worker_processes_it_leaves_no_process_and_resumes(
    planned: Planned, tmp_path: Path, point: str
) -> None:
    tiny = planned.copy(tmp_path / "killed")
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
    _convert(tiny)
    assert tiny.end_state() == planned.undisturbed


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


@pytest.mark.parametrize("point", ["before-commit:1", "after-commit:2"])
def test_killed_over_postgresql_it_resumes_to_the_same_end(
    new_database: Callable[[], str], tmp_path: Path, point: str
) -> None:
    ends = []
    for name in ("killed", "undisturbed"):
        tiny = TinyPractice().build(tmp_path / name, staging=new_database(), target=new_database())
        run_phase(dry_run.run, Phase.DRY_RUN, tiny)
        if name == "killed":
            step, _, passage = point.partition(":")
            assert died_at(step, int(passage), lambda tiny=tiny: _convert(tiny))  # type: ignore[misc]
        _convert(tiny)
        ends.append(tiny.end_state())
    assert ends[0] == ends[1]
