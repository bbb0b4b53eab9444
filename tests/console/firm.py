"""A migration firm for tests: a hub's folder, its store, and people, made by the same code as the commands."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.x509 import random_serial_number

from console.hub import home, staff
from console.hub.ca import CA_SECONDS, HUB_SECONDS, Authority, Term
from console.hub.hub import Hub, World
from console.hub.server import serve_forever
from console.hub.store import practices
from console.hub.store.database import Database
from console.hub.store.writer import Writer
from console.operator import OperatorIdentity, save
from protocol.checks import REQUIRED_CHECKS
from protocol.messages import EvidenceReport
from protocol.predicates import CheckResult, Evidence, ProfileDigests, SetDigests, Totals
from protocol.signing import Signer
from protocol.statements import sign_evidence
from protocol.vocabulary import Gate, Role, Verdict
from tests.simulators.agent import SimulatedAgent

ROOT_PASSPHRASE = "the root of it all"
PASSPHRASE = "correct horse"
RUN = "5" * 32


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Firm:
    """The hub's home with its people and practices."""

    home: home.Home
    database: Database
    root: Signer
    folder: Path

    def practice(self, code: str) -> str:
        """Adds a practice; its id."""
        practice = secrets.token_hex(16)
        self.database.write(lambda c: practices.add(c, practice, code, "07:30", int(time.time())))
        return practice

    def operator(self, name: str, role: Role) -> OperatorIdentity:
        """Adds an operator; their folder."""
        now = int(time.time())
        person = staff.Person(secrets.token_hex(16), name, role)
        term = staff.operator_term(now, random_serial_number())
        made = staff.equip(person, self.home, PASSPHRASE, term)
        save(made.identity, self.folder / person.id)
        self.database.write(lambda c: staff.enlist(c, made.account, self.root, now))
        return OperatorIdentity.load(self.folder / person.id)

    def token(self, practice: str, *, age: int = 0) -> str:
        """The secret of a token that was made `age` seconds ago."""
        secret = secrets.token_hex(32)
        self.database.write(lambda c: practices.add_token(c, practice, secret, int(time.time()) - age))
        return secret

    def agent(self, practice: str) -> SimulatedAgent:
        """An agent of the practice that has not enrolled yet."""
        folder = self.folder / secrets.token_hex(4)
        folder.mkdir()
        ca = self.home.authority.certificate_pem.decode()
        return SimulatedAgent(self.home.settings.url, practice, ca, folder)

    async def enrolled(self, practice: str) -> SimulatedAgent:
        """An enrolled agent of the practice."""
        agent = self.agent(practice)
        await agent.enroll(self.token(practice))
        return agent

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Hub]:
        """The hub, listening in this process."""
        loop = asyncio.get_running_loop()
        world = World(time.time, time.monotonic, lambda: secrets.token_hex(16), random_serial_number)
        writer = Writer(self.database, loop)
        hub = Hub(self.home.authority, self.database, writer, world)
        tls = self.home.renew_certificate(Term(world.now, HUB_SECONDS, world.new_serial()))
        ready = asyncio.Event()
        settings = self.home.settings
        serving = asyncio.create_task(serve_forever(hub, settings.host, settings.port, tls, ready.set))
        try:
            await asyncio.wait({serving, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
            yield hub
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            writer.close()


def found(folder: Path) -> Firm:
    """A new firm in `folder`."""
    now = int(time.time())
    settings = home.checked_settings(host="127.0.0.1", port=free_port())
    authority = Authority.create(Term(now, CA_SECONDS, random_serial_number()))
    made = home.create(folder / "hub", settings, authority, ROOT_PASSPHRASE)
    database, root = made.database(), made.unlock_root(ROOT_PASSPHRASE)
    database.migrate()
    database.write(lambda c: staff.found(c, root, now))
    return Firm(made, database, root, folder)


def evidence(practice: str, gate: Gate = Gate.DRY_RUN, *, images: int = 100, run: str = RUN) -> Evidence:
    """Evidence that passes. `images` makes one different from another."""
    checks = tuple(CheckResult(one, Verdict.PASS, images, images) for one in REQUIRED_CHECKS[gate])
    digests = SetDigests("a" * 64, "a" * 64, "a" * 64) if gate is Gate.RECONCILED else None
    profiles = ProfileDigests("1" * 64, "2" * 64)
    totals = Totals(patients=10, images=images)
    return Evidence(practice, run, gate, int(time.time()), "0.1.0", profiles, checks, totals, digests, 1.5, "5" * 64)


def report(agent: SimulatedAgent, gate: Gate = Gate.DRY_RUN, *, images: int = 100) -> EvidenceReport:
    """Passing evidence, signed by the agent."""
    return EvidenceReport(sign_evidence(evidence(agent.practice, gate, images=images), agent.signer))
