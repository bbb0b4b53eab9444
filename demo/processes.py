"""Child processes of the demo: commands that end, and services that run until they are stopped."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from protocol.errors import EnvironmentProblem, Interrupted
from protocol.vocabulary import ExitCode

MOST_RESTARTS = 5  # of one service in one run of the demo; then a person should look
STOP_SECONDS = 60.0  # an agent ends its engine between two patients
_POLL_SECONDS = 0.05

Say = Callable[[str], None]


async def call(arguments: Sequence[str], *, secrets: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run `python ARGUMENTS` to its end and return the JSON object it prints; `secrets` join its environment.

    Raises EnvironmentProblem with the command's own sentence if it does not end well.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(secrets or {})},
    )
    out, told = await child.communicate()
    if child.returncode != 0:
        sentence = told.decode(errors="replace").strip() or f"ended with exit code {child.returncode}"
        raise EnvironmentProblem(
            f"{sentence}\nThe demo goes on from here once that is settled.", where=_command(arguments)
        )
    return dict(json.loads(out))


def _command(arguments: Sequence[str]) -> str:
    """What people call the command, without its arguments: one of them may be a token."""
    return f"bitewing-{arguments[1].partition('.')[0]}"


@dataclass(frozen=True, slots=True)
class Program:
    """A service: what people call it, its arguments after `python`, and where its output goes."""

    name: str
    arguments: tuple[str, ...]
    log: Path


def stop_leftovers(program: Program) -> int:
    """End every process with exactly this command line, left by an earlier start of the demo; how many there were."""
    leftovers = [process for process in psutil.process_iter() if _is_running(process, program)]
    for process in leftovers:
        process.terminate()
    _, alive = psutil.wait_procs(leftovers, timeout=STOP_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=STOP_SECONDS)
    return len(leftovers)


def _is_running(process: psutil.Process, program: Program) -> bool:
    try:
        return tuple(process.cmdline()[1:]) == program.arguments
    except psutil.Error:
        return False


class Service:
    """One service. It prints a JSON line with `ready` when it works; if it dies it is started again, within bounds."""

    def __init__(self, program: Program, say: Say) -> None:
        self._program, self._say = program, say
        self._child: asyncio.subprocess.Process | None = None
        self._log: IO[bytes] | None = None
        self._restarts = 0

    async def start(self) -> None:
        """Start it and wait until it works. Raises EnvironmentProblem if it ends before."""
        begin = await self._spawn()
        while not self._is_ready(begin):
            if self._ended:
                raise self._failed(begin)
            await asyncio.sleep(_POLL_SECONDS)

    async def keep_running(self) -> None:
        """Start it again whenever it dies. Raises Interrupted once that no longer helps."""
        while self._child is not None:
            code = await self._child.wait()
            self._restarts += 1
            if self._restarts > MOST_RESTARTS or code == ExitCode.USAGE:
                raise Interrupted(
                    f"the {self._program.name} ended {self._restarts} times (exit code {code})",
                    where=self._program.log.name,
                    next_step="the same command resumes; nothing is lost",
                )
            self._say(f"The {self._program.name} ended unexpectedly (exit code {code}); it is started again.")
            await self.start()

    async def stop(self) -> None:
        """End it in its own way; harder if it does not."""
        if self._child is not None and not self._ended:
            self._child.terminate()
            try:
                await asyncio.wait_for(self._child.wait(), STOP_SECONDS)
            except TimeoutError:
                self._child.kill()
                await self._child.wait()
        if self._log is not None:
            self._log.close()

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._child.pid if self._child else None

    @property
    def _ended(self) -> bool:
        return self._child is None or self._child.returncode is not None

    async def _spawn(self) -> int:
        """Start the process with a session of its own, so that Ctrl-C reaches the demo alone; where its log begins."""
        self._log = self._log or self._program.log.open("ab")
        begin = self._program.log.stat().st_size
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._program.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        return begin

    def _is_ready(self, begin: int) -> bool:
        lines = self._program.log.read_bytes()[begin:].splitlines()
        return any(line.startswith(b'{"ready": true') for line in lines)

    def _failed(self, begin: int) -> EnvironmentProblem:
        told = self._program.log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
        return EnvironmentProblem(
            f"the {self._program.name} did not start: {told[0] if told else 'it said nothing'}",
            where=self._program.log.name,
            next_step="the same command goes on from here once that is settled",
        )
