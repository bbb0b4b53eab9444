"""A fixed night for tests: one clock, known keys, a hub and an operator that only remember what they were asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC
from types import TracebackType

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from textual.pilot import Pilot

from console import wire
from console.client import News
from console.tui.app import ConsoleApp
from console.tui.ports import World
from console.tui.state import FleetHeard, Me, State, after
from protocol.errors import BitewingError, UsageProblem
from protocol.keyset import DEFAULT_POLICY
from protocol.messages import PhaseProgress
from protocol.predicates import CheckResult, FindingCount, SetDigests
from protocol.signing import Signer, public_hex
from protocol.statements import SignedDecision, sign_evidence, statement_digest
from protocol.vocabulary import (
    Check,
    DecisionVerdict,
    FindingCode,
    Gate,
    GateState,
    Phase,
    PhaseState,
    Refusal,
    Role,
    Verdict,
)
from tests.console.firm import evidence

NOW = 1_795_482_720  # 2026-11-24 01:12:00 UTC
ME, OTHER = "b" * 32, "c" * 32
AGENT = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
MINE = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
PASSPHRASE = "correct horse"
ADMIN = Me(ME, "Ada", Role.ADMIN)
OPERATORS = (wire.OperatorView(ME, "Ada", Role.ADMIN), wire.OperatorView(OTHER, "Björk O'Neil", Role.APPROVER))
WORDS = ("atlas", "apple", "fossil", "summer")
FINDINGS = (FindingCount(FindingCode.MISSING_FILE, 3), FindingCount(FindingCode.LABEL_DISAGREES, 12))


def gate_of(
    practice: str, gate: Gate, state: GateState, *approvals: wire.ApprovalView, failed: bool = False, equal: bool = True
) -> wire.GateView:
    """A gate with evidence; the checks of a dry run include one that passes only if it is accepted."""
    made = msgspec.structs.replace(evidence(practice, gate, images=118_207), produced_at=NOW - 960)
    checks = tuple(_look(one) for one in made.checks)
    if failed:
        checks = (CheckResult(checks[0].check, Verdict.FAIL, 118_207, 5), *checks[1:])
    totals = msgspec.structs.replace(made.totals, findings=FINDINGS)
    made = msgspec.structs.replace(made, checks=checks, totals=totals)
    if made.digests is not None and not equal:
        made = msgspec.structs.replace(made, digests=SetDigests("a" * 64, "a" * 64, "b" * 64))
    signed = sign_evidence(made, Signer(AGENT))
    about = statement_digest(made)
    told = tuple(msgspec.structs.replace(one, evidence=about) if one.evidence == "0" * 64 else one for one in approvals)
    return wire.GateView(gate, state, signed, about, NOW - 950, told, needed=DEFAULT_POLICY.needed(gate))


def _look(one: CheckResult) -> CheckResult:
    if one.check is Check.IMAGES_DECODED:
        return CheckResult(one.check, Verdict.ACCEPT, 118_207, 118_204)
    return CheckResult(one.check, one.verdict, 0, 0) if one.check in _NONE_ALLOWED else one


_NONE_ALLOWED = {
    *(Check.FILES_WRITTEN, Check.ROWS_WRITTEN, Check.SOURCE_UNCHANGED, Check.NOTHING_NEWER),
    *(Check.NO_BLOCKERS, Check.NO_STRAYS),
}


def approval(operator: str = OTHER, decision: str = "d" * 64, **changes: object) -> wire.ApprovalView:
    """An approval of the gate's evidence that the agent has applied."""
    made = wire.ApprovalView(
        decision, operator, DecisionVerdict.APPROVE, "0" * 64, NOW - 840, NOW + 86_400, NOW - 839, NOW - 838, None, 9
    )
    return msgspec.structs.replace(made, **changes)


def running(phase: Phase = Phase.CONVERT, **changes: object) -> PhaseProgress:
    """A phase that is half done."""
    made = PhaseProgress(
        phase, 4_706, 9_412, 59_103, 118_207, 412_000_000_000, 58.4, 9_000.0, 10_080.0, PhaseState.RUNNING, None
    )
    return msgspec.structs.replace(made, **changes)


def practice(number: int, code: str, gates: tuple[wire.GateView, ...] = (), **changes: object) -> wire.PracticeView:
    """A connected practice."""
    made = wire.PracticeView(
        f"{number:032x}",
        code,
        "07:30",
        True,
        NOW - 4,
        "1.0.3",
        public_hex(AGENT),
        WORDS,
        "5" * 32,
        gates=gates,
        findings=FINDINGS,
        progress_at=NOW - 2,
        rate_history=(10.0, 22.5, 40.0, 58.4, 57.0, 61.2),
    )
    return msgspec.structs.replace(made, **changes)


def opened(number: int, *gates: Gate) -> tuple[wire.GateView, ...]:
    """Gates that are open."""
    return tuple(gate_of(f"{number:032x}", gate, GateState.OPEN) for gate in gates)


def waiting(number: int = 1, code: str = "ALDER-7", *approvals: wire.ApprovalView) -> wire.PracticeView:
    """A practice whose dry run waits for approvals."""
    gates = opened(number, Gate.STAGED, Gate.PROFILE_PROVEN)
    dry_run = gate_of(f"{number:032x}", Gate.DRY_RUN, GateState.WAITING, *approvals)
    return practice(number, code, (*gates, dry_run))


def night() -> wire.FleetView:
    """Six practices: one needs me, one is silent, one failed, one runs, one is complete, one has no agent."""
    road = (Gate.STAGED, Gate.PROFILE_PROVEN, Gate.DRY_RUN)
    failed = gate_of(f"{3:032x}", Gate.DRY_RUN, GateState.CLOSED, failed=True)
    practices = (
        practice(5, "ASH-2", opened(5, *road, Gate.CONVERTED, Gate.RECONCILED)),
        practice(4, "BIRCH-4", opened(4, *road), progress=running()),
        practice(3, "CEDAR-1", (*opened(3, *road[:2]), failed)),
        practice(2, "ELM-9", opened(2, *road), progress=running(), connected=False, last_heard=NOW - 840),
        practice(6, "FIR-3", agent_key=None, last_heard=None, connected=False, agent_version=None, sas=None, run=None),
        waiting(1, "MAPLE-2", approval()),
    )
    return fleet(*practices)


def fleet(*practices: wire.PracticeView) -> wire.FleetView:
    """These practices, seen now."""
    return wire.FleetView(NOW, practices, OPERATORS, 2, DEFAULT_POLICY)


def state_of(seen: wire.FleetView, me: Me = ADMIN) -> State:
    """The state once the fleet has come."""
    return after(State(me), FleetHeard(seen, NOW))


@dataclass
class FakeHub:
    """Gives the news that it is fed, and remembers what was sent."""

    refusal: Refusal | None = None
    problem: BitewingError | None = None
    sent: list[SignedDecision] = field(default_factory=list)
    commands: list[tuple[str, wire.Verb]] = field(default_factory=list)
    news: asyncio.Queue[News | BitewingError] = field(default_factory=asyncio.Queue)

    async def __aenter__(self) -> FakeHub:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def watch(self) -> AsyncIterator[News]:
        while True:
            news = await self.news.get()
            if isinstance(news, BitewingError):
                raise news
            yield news

    async def submit(self, signed: SignedDecision) -> Refusal | None:
        self.sent.append(signed)
        return self._answer()

    async def command(self, practice: str, verb: wire.Verb) -> Refusal | None:
        self.commands.append((practice, verb))
        return self._answer()

    def _answer(self) -> Refusal | None:
        if self.problem is not None:
            raise self.problem
        return self.refusal


@dataclass(frozen=True)
class FakeOperator:
    """Ada, whose key opens with one passphrase."""

    id: str = ME
    name: str = "Ada"
    role: Role = Role.ADMIN

    def unlock(self, passphrase: str) -> Signer:
        if passphrase != PASSPHRASE:
            raise UsageProblem("the passphrase does not open this key")
        return Signer(MINE)


@dataclass
class Clock:
    """A clock that stands."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


class StillApp(ConsoleApp):
    """The console on a standing clock; its pictures refer to nothing outside themselves."""

    def __init__(self, hub: FakeHub, operator: FakeOperator | None = None) -> None:
        self.clock = Clock()
        super().__init__(operator or FakeOperator(), hub, World(self.clock, UTC, lambda: "e" * 32))

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        return standalone(super().export_screenshot(title=title, simplify=simplify))


def standalone(svg: str) -> str:
    """A picture of a screen without fonts from elsewhere and without a link."""
    svg = re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)
    return re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)


async def settle(pilot: Pilot[None]) -> None:
    """Until news and messages have reached the screen."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    for worker in [one for one in app.workers if one.name != "watch"]:
        await worker.wait()
    for _ in range(3):
        await pilot.pause()
    app._show_changes()
    await pilot.pause()


async def show(pilot: Pilot[None], hub: FakeHub, *news: News | BitewingError, keys: tuple[str, ...] = ()) -> None:
    """Feed news, press keys, wait until they are seen."""
    for one in news:
        hub.news.put_nowait(one)
    await settle(pilot)
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Key by key."""
    await pilot.press(*("space" if letter == " " else letter for letter in text))


def screen_lines(app: ConsoleApp) -> list[str]:
    """What stands on the terminal, line by line."""
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def screen_text(app: ConsoleApp) -> str:
    """The same with single blanks, so that wrapped sentences are found."""
    return " ".join(" ".join(screen_lines(app)).split())


def dialog_text(app: ConsoleApp) -> str:
    """What stands inside the dialog's frame, with single blanks."""
    inside = (line.partition("│")[2].rpartition("│")[0] for line in screen_lines(app))
    return " ".join(" ".join(inside).split())
