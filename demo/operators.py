"""Two scripted operators who judge evidence as a console does and approve what passes. No person acts here."""

from __future__ import annotations

import secrets
import time

from console.client import HubClient, LinkLost, News
from console.decisions import make_decision
from console.operator import OperatorIdentity
from console.verdicts import Judgement, gate_view
from console.wire import FleetView
from demo.processes import Say
from demo.view import View
from protocol.errors import EnvironmentProblem, Refused
from protocol.signing import Signer
from protocol.statements import sign_decision
from protocol.vocabulary import DecisionVerdict, Gate

_MOST_DECISIONS = 8  # of one operator in one run; more means that decisions lead nowhere


class ScriptedOperator:
    """One operator. `place` counts from 0: each waits until those before have spoken, as a second pair of eyes does."""

    def __init__(self, identity: OperatorIdentity, signer: Signer, place: int, say: Say) -> None:
        self._identity, self._signer, self._place, self._say = identity, signer, place, say
        self._decisions = 0

    async def work(self) -> None:
        """Watch and decide until cancelled. Raises Refused if decisions lead nowhere."""
        async with HubClient(self._identity) as hub:
            view: View | None = None
            async for news in hub.watch():
                view = _seen(view, news, self._identity.id)
                if view is not None and not isinstance(news, LinkLost):
                    await self._consider(hub, view)

    async def _consider(self, hub: HubClient, view: View) -> None:
        for gate, judgement in view.judgements(int(time.time())).items():
            if judgement.needs_me and judgement.approvable and self._is_my_turn(view, judgement):
                await self._approve(hub, view, gate, judgement)

    def _is_my_turn(self, view: View, judgement: Judgement) -> bool:
        voices = len({*judgement.approved_by, *judgement.on_the_way})
        needed = max(judgement.needed, gate_view(view.practice, judgement.gate).needed)
        return voices == self._place < needed

    async def _approve(self, hub: HubClient, view: View, gate: Gate, judgement: Judgement) -> None:
        self._decisions += 1
        decision = make_decision(
            view.practice,
            judgement,
            DecisionVerdict.APPROVE,
            view.fleet.policy,
            nonce=secrets.token_hex(16),
            now=int(time.time()),
        )
        try:
            refusal = await hub.submit(sign_decision(decision, self._signer))
        except EnvironmentProblem:  # the hub went away: after it is back the fleet comes anew, and so does this gate
            return
        self._say(f"{self._identity.name} approves {gate}{_accepted(view, gate)}" + (f": {refusal}" if refusal else ""))
        if refusal and self._decisions > _MOST_DECISIONS:
            raise Refused(refusal, f"decisions on {gate} are refused again and again", next_step="see the hub's log")


def _seen(view: View | None, news: News, me: str) -> View | None:
    if view is None:
        return View.first(news, me) if isinstance(news, FleetView) else None
    return view.after(news)


def _accepted(view: View, gate: Gate) -> str:
    """The findings that an approval of this gate accepts, in words."""
    evidence = view.evidence(gate)
    findings = evidence.totals.findings if evidence else ()
    listed = ", ".join(f"{found.code} {found.count:,}" for found in findings)
    return f", knowing of {listed}" if listed else ""
