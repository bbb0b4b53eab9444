"""Services are kept running within bounds; leftovers are told apart by their whole command line."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from demo.processes import MOST_RESTARTS, Program, Service, call, stop_leftovers
from protocol.errors import EnvironmentProblem, Interrupted

_READY = "print('{\"ready\": true}', flush=True)\n"
_WORKS = _READY + "import time; time.sleep(60)"
_DIES = _READY + "raise SystemExit(7)"


def _program(tmp_path: Path, code: str) -> Program:
    return Program("helper", ("-c", code), tmp_path / "helper.log")


async def test_a_service_that_says_ready_runs_until_it_is_stopped(tmp_path: Path) -> None:
    service = Service(_program(tmp_path, _WORKS), lambda text: None)
    await service.start()
    assert service.pid is not None and psutil.pid_exists(service.pid)
    await service.stop()
    assert not psutil.pid_exists(service.pid)


async def test_a_service_that_does_not_start_says_why(tmp_path: Path) -> None:
    service = Service(_program(tmp_path, "raise SystemExit('the port is taken')"), lambda text: None)
    with pytest.raises(EnvironmentProblem, match="the helper did not start: the port is taken"):
        await service.start()


async def test_a_service_that_keeps_dying_is_given_up_and_the_sentence_says_how_to_resume(tmp_path: Path) -> None:
    said: list[str] = []
    service = Service(_program(tmp_path, _DIES), said.append)
    await service.start()
    with pytest.raises(Interrupted, match="the same command resumes"):
        await service.keep_running()
    assert len(said) == MOST_RESTARTS


async def test_a_killed_service_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    service = Service(_program(tmp_path, _WORKS), said.append)
    await service.start()
    first = service.pid
    assert first is not None
    keeping = asyncio.create_task(service.keep_running())
    psutil.Process(first).kill()
    while service.pid == first or not said:
        await asyncio.sleep(0.02)
    keeping.cancel()
    await service.stop()
    assert said == ["The helper ended unexpectedly (exit code -9); it is started again."]


def test_only_processes_with_exactly_our_command_line_are_leftovers(tmp_path: Path) -> None:
    program = _program(tmp_path, "import time; time.sleep(60)  # ours")
    ours = subprocess.Popen([sys.executable, *program.arguments])
    other = subprocess.Popen([sys.executable, *program.arguments, "another"])
    try:
        while len(psutil.Process(ours.pid).cmdline()) < 3:
            pass
        assert stop_leftovers(program) == 1
        assert not psutil.pid_exists(ours.pid) and other.poll() is None
    finally:
        other.kill()
        other.wait()


async def test_a_command_that_fails_is_told_in_its_own_words() -> None:
    with pytest.raises(EnvironmentProblem, match="no such practice"):
        await call(("-c", "raise SystemExit('no such practice')"))


async def test_secrets_reach_a_command_by_its_environment_alone() -> None:
    code = "import os, sys, json; print(json.dumps({'secret': os.environ['KEY'], 'words': sys.argv}))"
    said = await call(("-c", code), secrets={"KEY": "open sesame"})
    assert said == {"secret": "open sesame", "words": ["-c"]}
