"""Builds the real agent from a job folder: the only place that reads the clock and draws random numbers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent import boundary, log, status
from agent.authorize import Standpoint
from agent.egress import EgressLog
from agent.egress_head import OutboxMemory
from agent.engine_process import Command, engine_command
from agent.feed import LedgerFeed
from agent.home import Home, read_authority, read_enrolment
from agent.identity import load_signer, read_certificate
from agent.link import Address, Link, tls_context
from agent.orders import OrderDesk
from agent.outbox import Outbox
from agent.registrar import Registrar
from agent.road import Hold
from agent.supervisor import Clocks, Supervisor
from agent.system import on_stop_request
from engine.job import Job
from engine.ledger import Ledger
from protocol.errors import Refused, UsageProblem
from protocol.statements import SignedDecision
from protocol.vocabulary import ExitCode, Refusal

LEDGER = "ledger.jsonl"
HEARTBEAT_SECONDS = 15.0  # an agent silent for a few of these during a run is looked after
FLUSH_SECONDS = 5.0  # how long a stopping agent waits for the hub to take what is left; the outbox keeps the rest


def utc() -> int:
    """UTC seconds by the wall clock."""
    return int(time.time())


CLOCKS = Clocks(utc, time.monotonic, random.SystemRandom().random)


@dataclass(frozen=True)
class Agent:
    """The parts of a running agent."""

    home: Home
    outbox: Outbox
    egress: EgressLog
    supervisor: Supervisor
    link: Link


def ledger_of(folder: Path) -> Ledger:
    """The job's gate ledger. Raises Refused if it is damaged or of another run."""
    ledger = Ledger(folder / LEDGER, utc)
    ledger.require_run(Job.load(folder).run_id)
    return ledger


def _refuse_foreign(ledger: Ledger, here: Standpoint) -> None:
    """Refuses another run's ledger, and one begun anew, by whose word no approval would count.

    A damaged one is let through: the firm hears of it until it is restored.
    """
    try:
        ledger.require_run(here.run)
        ledger.require_key(here.author)
        if ledger.state().practice != here.practice:
            raise UsageProblem(
                "the gate ledger was begun anew and does not know this agent's enrolment; no approval would count",
                where="ledger.jsonl",
                next_step="put back the newest ledger.jsonl; without one, ask the firm for a token and enroll again",
            )
    except Refused as refused:
        if refused.reason is not Refusal.LEDGER_DAMAGED:
            raise


def standpoint(home: Home, run: str) -> Standpoint:
    """What this agent is sure of. Raises UsageProblem if it is not enrolled."""
    enrolment = read_enrolment(home)
    return Standpoint(enrolment.practice, run, enrolment.root, load_signer(home).public_key)


def build(folder: Path, command: Command | None = None, clocks: Clocks = CLOCKS) -> Agent:
    """The agent of this job. Raises UsageProblem, EnvironmentProblem. The caller holds the agent's lock."""
    home, run = Home(folder), Job.load(folder).run_id
    enrolment, here = read_enrolment(home), standpoint(home, run)
    tls = tls_context(read_authority(home), home.certificate, home.identity)
    address = Address(enrolment.hub, tls, enrolment.proxy, read_certificate(home).expires_at)
    ledger = Ledger(folder / LEDGER, utc)
    _refuse_foreign(ledger, here)
    outbox = Outbox(home.outbox, enrolment.practice + run)
    egress = EgressLog(home.egress, OutboxMemory(outbox))
    feed = LedgerFeed(ledger, outbox, enrolment.practice, clocks.utc)

    def on_news() -> None:
        link.notify()
        status.publish(
            home, status.document(clocks.utc(), supervisor.activity, link.state, outbox.pending, outbox.acked)
        )

    supervisor = Supervisor(ledger, outbox, feed, command or engine_command(folder), home.engine_log, clocks, on_news)
    registrar = Registrar(ledger, here, clocks.utc)
    desk = OrderDesk(ledger, outbox, registrar, clocks.utc, supervisor.on_order)
    link = Link(address, outbox, egress, desk, registrar.keyset_version, clocks, on_news)
    return Agent(home, outbox, egress, supervisor, link)


@contextmanager
def enrolment_log(home: Home) -> Iterator[EgressLog]:
    """The egress log of an agent that enrols. Raises EnvironmentProblem. The caller holds the agent's lock."""
    with closing(Outbox(home.outbox, None)) as outbox, EgressLog(home.egress, OutboxMemory(outbox)) as egress:
        yield egress


def record_decision(home: Home, signed: SignedDecision) -> int:
    """Record a decision carried in by hand; its ledger index. Raises Refused with the rule it breaks."""
    here = standpoint(home, Job.load(home.folder).run_id)
    return Registrar(ledger_of(home.folder), here, utc).decide(signed)


async def run(folder: Path, ready: Callable[[], None]) -> ExitCode:
    """Be the agent of this job until asked to stop; the caller holds the agent's lock. `ready` is called once."""
    log.to_stderr()
    agent = build(folder)
    ready()
    return await work(agent)


async def work(agent: Agent) -> ExitCode:
    """Work until asked to stop; INTERRUPTED if a phase was stopped half-way, else DONE."""
    on_stop_request(asyncio.get_running_loop(), agent.supervisor.request_stop)
    linking = asyncio.create_task(agent.link.run())
    beating = asyncio.create_task(_beat(agent))
    working = asyncio.create_task(agent.supervisor.run())
    try:
        await asyncio.wait({linking, beating, working}, return_when=asyncio.FIRST_COMPLETED)
        for task in (linking, beating, working):
            if task.done():
                task.result()
        await _flush(agent)
    finally:
        for task in (working, beating, linking):
            task.cancel()
        await asyncio.gather(working, beating, linking, return_exceptions=True)
        agent.egress.close()
        agent.outbox.close()
    return ExitCode.INTERRUPTED if agent.supervisor.interrupted else ExitCode.DONE


async def _flush(agent: Agent) -> None:
    agent.link.notify()
    ends = time.monotonic() + FLUSH_SECONDS
    while agent.link.state.connected and agent.outbox.pending and time.monotonic() < ends:
        await asyncio.sleep(0.05)


async def _beat(agent: Agent) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        if agent.link.state.connected:
            running = agent.supervisor.activity.running
            alive = boundary.heartbeat(running.phase if running else None, agent.supervisor.hold is not Hold.NONE)
            agent.outbox.queue(alive.body, utc(), alive.slot)
            agent.link.notify()
