"""Making a decision: the one value an operator signs."""

from __future__ import annotations

from console.verdicts import Judgement
from console.wire import PracticeView
from protocol.errors import Refused
from protocol.keyset import Policy
from protocol.statements import Decision
from protocol.vocabulary import DecisionVerdict, Refusal


def make_decision(
    practice: PracticeView, judgement: Judgement, verdict: DecisionVerdict, policy: Policy, *, nonce: str, now: int
) -> Decision:
    """The decision on the gate's newest evidence, as judged here; it lives as long as the policy allows.

    `nonce` is a fresh random id, `now` UTC seconds. Raises Refused: EVIDENCE_MISSING, or, to approve, why this evidence
    cannot be approved.
    """
    if judgement.digest is None or judgement.run is None:
        what, advice = (
            f"there is no evidence for {judgement.gate} yet",
            "wait until the phase has ended there",
        )
        raise Refused(Refusal.EVIDENCE_MISSING, what, where=practice.code, next_step=advice)
    if verdict is DecisionVerdict.APPROVE and judgement.refusal is not None:
        what, advice = judgement.blocked or "the evidence does not pass", "settle that at the practice, or reject"
        raise Refused(judgement.refusal, what, where=practice.code, next_step=advice)
    return Decision(
        practice=practice.id,
        run=judgement.run,
        gate=judgement.gate,
        verdict=verdict,
        evidence=judgement.digest,
        policy_version=policy.version,
        nonce=nonce,
        issued_at=now,
        expires_at=now + policy.decision_lifetime_s,
    )
