"""One phase in a child process: its events come out of its stdout, control words go into its stdin.

The pipes are the leash. When the agent dies, the child reads end-of-file and stops between two patients by itself.
The engine's diagnostics (which may hold patient data) go to a file of the practice and are never read by the agent.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from agent.system import child_flags
from engine.events import Event
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import Phase

Command = Callable[[Phase], tuple[str, ...]]
"""The command line that runs a phase."""

STOP_SECONDS = 60.0  # a child told to stop finishes the patient in hand; a large one takes seconds
LINE_BYTES = 1024 * 1024  # the longest event: evidence with every check is under 16 KiB
LOG_BYTES = 4 * 1024 * 1024  # the diagnostics file is started afresh beyond this

_event: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def engine_command(job_folder: Path) -> Command:
    """How the real engine is started for the job in `job_folder`."""

    def command(phase: Phase) -> tuple[str, ...]:
        return (sys.executable, "-m", "engine.cli.main", "--job", str(job_folder), "--events", phase.value)

    return command


class EngineProcess:
    """A running child."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @staticmethod
    async def start(command: tuple[str, ...], log: Path) -> EngineProcess:
        """Start the child. Raises EnvironmentProblem if the system cannot."""
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".old"))
        try:
            with log.open("ab") as diagnostics:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=diagnostics,
                    limit=LINE_BYTES,
                    start_new_session=True,
                    creationflags=child_flags(),
                )
        except OSError as problem:
            raise EnvironmentProblem(
                "the engine process cannot be started", where=log.parent.name, next_step="check memory and permissions"
            ) from problem
        return EngineProcess(process)

    async def events(self) -> AsyncIterator[Event]:
        """What the child tells, until it closes its output. Lines that are not events are passed over."""
        output = self._process.stdout
        while output is not None:
            try:
                line = await output.readline()
            except ValueError:  # longer than LINE_BYTES: no event is
                continue
            if not line:
                return
            try:
                yield _event.decode(line)
            except msgspec.DecodeError:
                continue

    def say(self, word: str) -> None:
        """`pause`, `resume` or `stop`. A child that has just ended does not hear it."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(word.encode() + b"\n")

    async def ended(self) -> int:
        """The exit code; negative if a signal ended the child."""
        return await self._process.wait()

    async def stop(self) -> int:
        """Ask for a stop between two patients, and end the child if it does not within STOP_SECONDS."""
        if self._process.returncode is not None:
            return self._process.returncode
        self.say("stop")
        try:
            return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()
