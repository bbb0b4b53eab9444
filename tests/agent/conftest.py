"""A practice with a job folder, a firm, a simulated hub, and a fake engine, for the agent's tests."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent import compose, enrolment, identity
from agent.engine_process import Command
from agent.home import Home
from engine.cli.init import make_ready
from engine.job import Job
from engine.ledger import Ledger
from protocol.vocabulary import Phase
from tests.simulators import fake_engine
from tests.simulators.hub import Firm, SimulatedHub


@dataclass(frozen=True)
class Practice:
    """A job folder that `init` made."""

    folder: Path

    @property
    def home(self) -> Home:
        return Home(self.folder)

    @property
    def ledger(self) -> Ledger:
        return compose.ledger_of(self.folder)

    @property
    def run(self) -> str:
        return Job.load(self.folder).run_id

    @property
    def starts(self) -> list[str]:
        """The phases the fake engine was started for, in order."""
        log = self.folder / "fake-starts.log"
        return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []

    def set_phases(self, **settings: dict[str, object]) -> None:
        """What the fake engine's phases do; underscores stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in settings.items()}
        fresh = self.folder / "fake.new"
        fresh.write_text(json.dumps(named))
        fresh.replace(self.folder / "fake.json")

    @property
    def command(self) -> Command:
        """How the fake engine is started."""

        def command(phase: Phase) -> tuple[str, ...]:
            script = str(Path(fake_engine.__file__))
            return (sys.executable, "-P", script, "--job", str(self.folder), "--events", phase.value)

        return command

    async def enroll(self, hub: SimulatedHub) -> None:
        """What `enroll` does, without a person."""
        token = enrolment.read_token(hub.firm.token(hub.url), int(time.time()))
        signer = identity.load_signer(self.home)
        with compose.enrolment_log(self.home) as egress:
            answer = await enrolment.exchange(token, None, self.home, signer, egress, compose.CLOCKS)
        enrolment.keep(answer, None, self.home, self.ledger)


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    folder = tmp_path / "job"
    make_ready(folder)
    return Practice(folder)


@pytest.fixture
def firm() -> Iterator[Firm]:
    yield Firm()


@pytest.fixture
async def hub(tmp_path: Path, firm: Firm) -> AsyncIterator[SimulatedHub]:
    made = SimulatedHub(tmp_path, firm)
    await made.start()
    yield made
    await made.stop()
