"""bitewing-console decide: one decision on one gate, for scripts and for practices without a link."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commandline.outcome import answer, say
from console.cli import passphrase
from console.cli.options import Options
from protocol.errors import EnvironmentProblem, Refused, UsageProblem
from protocol.vocabulary import DecisionVerdict, Gate, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.client import HubClient, News
    from console.operator import OperatorIdentity
    from console.wire import ApprovalView, FleetView, PracticeView
    from protocol.statements import SignedDecision

CONNECT_SECONDS = 10.0
"""How long to try for the hub."""
WAIT_SECONDS = 120.0
"""How long to wait for the agent to apply the decision."""


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("decide")(decide)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    operator: OperatorIdentity
    code: str
    gate: Gate
    verdict: DecisionVerdict
    out: Path | None
    wait: bool
    as_json: bool


def decide(
    context: typer.Context,
    operator: Annotated[Path, typer.Option(help="The operator's folder.")],
    practice: Annotated[str, typer.Option(help="The practice's code.")],
    gate: Annotated[Gate, typer.Option(help="The gate to decide on.")],
    approve: Annotated[bool, typer.Option("--approve/--reject", help="What to say of the newest evidence.")],
    out: Annotated[Path | None, typer.Option(help="Write the signed decision here instead of sending it.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until the agent has applied it.")] = True,
) -> None:
    """Show a gate's newest evidence, judge it, sign a decision and send it."""
    from console.operator import OperatorIdentity

    options: Options = context.obj
    verdict = DecisionVerdict.APPROVE if approve else DecisionVerdict.REJECT
    identity = OperatorIdentity.load(operator)
    asyncio.run(_decide(Wish(identity, practice, gate, verdict, out, wait, options.json)))


async def _decide(wish: Wish) -> None:
    from console.client import HubClient

    async with HubClient(wish.operator) as hub:
        fleet = await _fleet(hub)
        practice = _find(fleet, wish.code)
        signed = _sign(wish, practice, fleet)
        if wish.out is not None:
            return _write(wish.out, signed, wish)
        refusal = await hub.submit(signed)
        if refusal is not None:
            raise _refused("the hub", refusal, practice.code)
        applied = await _applied(hub, signed, wish) if wish.wait else None
    return _report(wish, signed, applied)


def _sign(wish: Wish, practice: PracticeView, fleet: FleetView) -> SignedDecision:
    """Judges, shows what was judged, and only then asks for the passphrase."""
    from console.cli.evidence_text import evidence_lines
    from console.decisions import make_decision
    from console.verdicts import judge
    from protocol.statements import sign_decision

    now = int(time.time())
    judgement = judge(practice, wish.gate, fleet, wish.operator.id, now)
    if not wish.as_json:
        for line in evidence_lines(practice, judgement):
            say(line)
    decision = make_decision(practice, judgement, wish.verdict, fleet.policy, nonce=secrets.token_hex(16), now=now)
    secret = passphrase.ask(passphrase.OPERATOR_VARIABLE, f"Passphrase of {wish.operator.name}")
    return sign_decision(decision, wish.operator.unlock(secret))


async def _fleet(hub: HubClient) -> FleetView:
    from console.wire import FleetView

    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            async for news in hub.watch():
                if isinstance(news, FleetView):
                    return news
    except TimeoutError:
        pass
    raise EnvironmentProblem("the hub cannot be reached", next_step="look whether it runs, then try again")


def _find(fleet: FleetView, code: str) -> PracticeView:
    found = next((one for one in fleet.practices if one.code == code), None)
    if found is None:
        raise UsageProblem(f"the hub knows no practice {code}", next_step="see bitewing-console practice list")
    return found


async def _applied(hub: HubClient, signed: SignedDecision, wish: Wish) -> ApprovalView:
    """The decision as the agent answered it. Raises Refused with the agent's reason."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await _answered(hub, signed, wish)
    except TimeoutError as problem:
        raise EnvironmentProblem(
            "the agent has not answered yet",
            where=wish.code,
            next_step="nothing is lost: the hub passes the decision on as soon as the agent is connected",
        ) from problem


async def _answered(hub: HubClient, signed: SignedDecision, wish: Wish) -> ApprovalView:
    from protocol.statements import statement_digest

    digest = statement_digest(signed.decision)
    async for news in hub.watch():
        for one in _approvals(news, wish.gate):
            if one.decision == digest and one.refusal is not None:
                raise _refused("the agent", one.refusal, wish.code)
            if one.decision == digest and one.applied_at is not None:
                return one
    raise EnvironmentProblem(
        "the hub cannot be reached any more",
        where=wish.code,
        next_step="the decision is with the hub; look with bitewing-console tui whether the agent has applied it",
    )


def _refused(by: str, refusal: Refusal, code: str) -> Refused:
    from console.tui.words import REFUSALS

    words = REFUSALS[refusal]
    why, advice = (f"{text[0].lower()}{text[1:]}" for text in (words.why, words.do))
    return Refused(refusal, f"{by} refused the decision ({refusal}): {why}", where=code, next_step=advice)


def _approvals(news: News, gate: Gate) -> Iterator[ApprovalView]:
    from console.verdicts import gate_view
    from console.wire import Changed, FleetView

    changed = (news.practice,) if isinstance(news, Changed) else ()
    for practice in news.practices if isinstance(news, FleetView) else changed:
        yield from gate_view(practice, gate).approvals


def _write(file: Path, signed: SignedDecision, wish: Wish) -> None:
    from protocol.envelopes import envelope

    try:
        file.write_bytes(envelope(signed) + b"\n")
    except OSError as problem:
        raise EnvironmentProblem(
            "the decision cannot be written", where=str(file), next_step="check the folder and its permissions"
        ) from problem
    if wish.as_json:
        return answer({"gate": wish.gate, "verdict": wish.verdict, "file": str(file)})
    return say(f"Signed and written to {file}. At the practice: bitewing-agent --job DIR approve FILE")


def _report(wish: Wish, signed: SignedDecision, applied: ApprovalView | None) -> None:
    if wish.as_json:
        document = {"gate": wish.gate, "verdict": wish.verdict, "evidence": signed.decision.evidence}
        times = {"applied_at": applied.applied_at, "ledger": applied.ledger} if applied else {"applied_at": None}
        return answer(document | times)
    if applied is None:
        return say("Queued for the agent; not applied yet.")
    return say(f"Applied by the agent, ledger #{applied.ledger}.")
