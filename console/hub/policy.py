"""What an operator may see and ask. The hub's answer is politeness: agent and ledger judge every decision again."""

from __future__ import annotations

from console.hub.ca import Kind, Peer
from console.hub.store.operators import Account
from console.hub.store.practices import Practice
from protocol.errors import Refused
from protocol.judgement import demand_about, passes, verify_decision
from protocol.keyset import KeySet, Operator
from protocol.statements import SignedDecision, SignedEvidence
from protocol.vocabulary import DecisionVerdict, Refusal, Role


def demand_known(peer: Peer, account: Account | None, keyset: KeySet) -> Operator:
    """The operator behind a connection. Raises Refused: OPERATOR_UNKNOWN, OPERATOR_REVOKED."""
    operator = next((one for one in keyset.operators if one.id == peer.id), None)
    if peer.kind is not Kind.OPERATOR or operator is None or account is None or account.link_key != peer.public_key:
        raise Refused(Refusal.OPERATOR_UNKNOWN, "the key set has no such operator")
    if operator.revoked:
        raise Refused(Refusal.OPERATOR_REVOKED, "the operator is revoked")
    return operator


def demand_may_command(operator: Operator) -> None:
    """Only an admin pauses, resumes or stops. Raises Refused: ROLE_INSUFFICIENT."""
    if operator.role is not Role.ADMIN:
        raise Refused(Refusal.ROLE_INSUFFICIENT, f"a {operator.role} may not command an agent")


def demand_acceptable(
    signed: SignedDecision,
    operator: Operator,
    keyset: KeySet,
    *,
    practice: Practice | None,
    newest: SignedEvidence | None,
    now: int,
) -> None:
    """Return if this operator's decision is worth sending to the agent. Raises Refused with the rule it breaks."""
    if practice is None or practice.agent_key is None:
        raise Refused(Refusal.WRONG_PRACTICE, "no agent is enrolled for this practice")
    if newest is None:
        raise Refused(Refusal.EVIDENCE_MISSING, f"there is no evidence for {signed.decision.gate}")
    run, author = newest.evidence.run, practice.agent_key
    signer = verify_decision(signed, keyset, now=now, practice=practice.id, run=run, author=author)
    if signer.id != operator.id:
        raise Refused(Refusal.SIGNATURE_INVALID, "the decision is signed by another operator")
    demand_about(signed.decision, newest.evidence)
    if signed.decision.verdict is DecisionVerdict.APPROVE:
        passes(newest.evidence)
