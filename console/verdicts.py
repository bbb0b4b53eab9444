"""What a console makes of a gate by itself: it recomputes and compares, and believes no "pass". Pure.

The practice's ledger alone opens a gate. These rules tell an operator whether it is worth their signature, and why not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from console.wire import ApprovalView, FleetView, GateView, OperatorView, PracticeView
from protocol.errors import Refused
from protocol.judgement import passes
from protocol.statements import SignedEvidence, statement_digest, verify_evidence
from protocol.vocabulary import DecisionVerdict, Gate, GateState, Refusal, Role

_DECIDE_NOTHING: Final = "decide nothing and call support: the hub shows what does not belong together"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One gate as judged here.

    `digests_equal`: the three set digests, None where the gate has none. `approved_by`, `rejected_by`: distinct
    operators whose decision on the newest evidence the agent has applied; `on_the_way`: decisions not yet answered.
    `blocked` says in one sentence why the gate is not open, None when it is. `refusal` is set when the evidence itself
    cannot be approved. `needs_me`: this operator may decide now and has not.
    """

    gate: Gate
    state: GateState
    run: str | None
    digest: str | None
    digests_equal: bool | None
    refusal: Refusal | None
    approved_by: tuple[str, ...]
    rejected_by: tuple[str, ...]
    on_the_way: tuple[str, ...]
    needed: int
    blocked: str | None
    needs_me: bool

    @property
    def approvable(self) -> bool:
        """Whether the newest evidence passed everything that a console can check."""
        return self.digest is not None and self.refusal is None


def judge(practice: PracticeView, gate: Gate, fleet: FleetView, me: str, now: int) -> Judgement:
    """The gate as operator `me` should see it at `now` (UTC seconds)."""
    view = gate_view(practice, gate)
    digest, problem = _judge_evidence(practice, view)
    standing = [one for one in view.approvals if one.evidence == digest and _stands(one, now)]
    applied = [one for one in standing if one.applied_at is not None]
    rejected = _voices(applied, DecisionVerdict.REJECT)
    approved = tuple(one for one in _voices(applied, DecisionVerdict.APPROVE) if one not in rejected)
    needed = fleet.policy.needed(gate)
    waits = digest is not None and problem is None and view.state is GateState.WAITING
    decided = me in {one.operator for one in standing}
    return Judgement(
        gate=gate,
        state=view.state,
        run=view.evidence.evidence.run if view.evidence else None,
        digest=digest,
        digests_equal=digests_equal(view.evidence),
        refusal=problem.reason if problem else None,
        approved_by=approved,
        rejected_by=rejected,
        on_the_way=tuple(one.operator for one in standing if one.applied_at is None),
        needed=needed,
        blocked=_blocked(view, problem, approved, needed),
        needs_me=waits and may_decide(fleet, me) and not decided,
    )


def gate_view(practice: PracticeView, gate: Gate) -> GateView:
    """The gate as the agent reported it; closed if it never did."""
    return next((one for one in practice.gates if one.gate is gate), GateView(gate, GateState.CLOSED))


def digests_equal(signed: SignedEvidence | None) -> bool | None:
    """Whether source, database and disk agree by the evidence's own digests; None when it carries none."""
    if signed is None or signed.evidence.digests is None:
        return None
    return signed.evidence.digests.equal


def may_decide(fleet: FleetView, operator: str) -> bool:
    """Whether this operator's role includes approving and rejecting."""
    role = next((one.role for one in fleet.operators if one.id == operator), Role.VIEWER)
    return role in (Role.APPROVER, Role.ADMIN)


def operator_name(operators: tuple[OperatorView, ...], operator: str) -> str:
    """The name behind an id; the id's beginning when the hub does not know it."""
    return next((one.name for one in operators if one.id == operator), operator[:8])


def needs_me(practice: PracticeView, fleet: FleetView, me: str, now: int) -> tuple[Gate, ...]:
    """The gates of a practice that wait for this operator's decision."""
    return tuple(one.gate for one in practice.gates if judge(practice, one.gate, fleet, me, now).needs_me)


def _judge_evidence(practice: PracticeView, view: GateView) -> tuple[str | None, Refused | None]:
    """The digest of the newest evidence, computed here, and what is wrong with it."""
    if view.evidence is None:
        return None, None
    digest = statement_digest(view.evidence.evidence)
    try:
        _demand_genuine(practice, view, view.evidence)
        passes(view.evidence.evidence)
    except Refused as problem:
        return digest, problem
    return digest, None


def _demand_genuine(practice: PracticeView, view: GateView, signed: SignedEvidence) -> None:
    evidence = verify_evidence(signed, practice.agent_key or "")
    if evidence.practice != practice.id:
        raise Refused(Refusal.WRONG_PRACTICE, "the evidence is for another practice", next_step=_DECIDE_NOTHING)
    if evidence.gate is not view.gate:
        raise Refused(Refusal.WRONG_GATE, f"the evidence is for {evidence.gate}", next_step=_DECIDE_NOTHING)


def _stands(approval: ApprovalView, now: int) -> bool:
    """Not refused and not expired; whether it was applied is another question."""
    return approval.refusal is None and now < approval.expires_at


def _voices(approvals: list[ApprovalView], verdict: DecisionVerdict) -> tuple[str, ...]:
    return tuple(sorted({one.operator for one in approvals if one.verdict is verdict}))


def _blocked(view: GateView, problem: Refused | None, approved: tuple[str, ...], needed: int) -> str | None:
    if view.state is GateState.OPEN and problem is None:
        return None
    if problem is not None:
        return problem.what
    if view.evidence is None:
        return "no evidence yet"
    if view.state is GateState.REJECTED:
        return "an approver said no to this evidence; the phase must run again"
    if view.state is GateState.WAITING:
        return f"{len(approved)} of {needed} approvals given"
    return "an earlier gate is still closed"
