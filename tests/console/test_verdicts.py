"""What a console concludes by itself, and that it believes nobody's "pass"."""

from __future__ import annotations

import time

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console import wire
from console.decisions import make_decision
from console.verdicts import Judgement, judge, may_decide, needs_me
from protocol.errors import Refused
from protocol.keyset import DEFAULT_POLICY
from protocol.predicates import Evidence, SetDigests
from protocol.signing import Signer, public_hex
from protocol.statements import sign_evidence, statement_digest
from protocol.vocabulary import DecisionVerdict, Gate, GateState, Refusal, Role, Verdict
from tests.console.firm import evidence

NOW = int(time.time())
PRACTICE, ME, OTHER = "a" * 32, "b" * 32, "c" * 32
KEY = Ed25519PrivateKey.generate()
OPERATORS = (wire.OperatorView(ME, "Me", Role.APPROVER), wire.OperatorView(OTHER, "Other", Role.ADMIN))


def approval(operator: str, digest: str, *, applied: bool = True, refusal: Refusal | None = None) -> wire.ApprovalView:
    return wire.ApprovalView(
        decision="d" * 64,
        operator=operator,
        verdict=DecisionVerdict.APPROVE,
        evidence=digest,
        submitted_at=NOW,
        expires_at=NOW + 60,
        applied_at=NOW if applied else None,
        refusal=refusal,
    )


def world(
    made: Evidence, *approvals: wire.ApprovalView, state: GateState = GateState.WAITING, key: Ed25519PrivateKey = KEY
) -> tuple[wire.PracticeView, wire.FleetView]:
    """A practice whose gate stands on this evidence, signed by `key`, and the fleet around it."""
    signed = sign_evidence(made, Signer(key))
    gate = wire.GateView(made.gate, state, signed, "0" * 64, NOW, approvals, needed=2)
    practice = wire.PracticeView(PRACTICE, "ALDER-7", agent_key=public_hex(KEY), run=made.run, gates=(gate,))
    return practice, wire.FleetView(NOW, (practice,), OPERATORS, 2, DEFAULT_POLICY)


def judged(made: Evidence, *approvals: wire.ApprovalView, me: str = ME, at: int = NOW) -> Judgement:
    practice, fleet = world(made, *approvals)
    return judge(practice, made.gate, fleet, me, at)


def test_passing_evidence_waits_for_me() -> None:
    judgement = judged(evidence(PRACTICE))
    assert judgement.approvable and judgement.needs_me
    assert judgement.blocked == "0 of 2 approvals given"


def test_the_digest_is_computed_here_and_not_taken_from_the_hub() -> None:
    made = evidence(PRACTICE)
    assert judged(made).digest == statement_digest(made) != "0" * 64


def test_a_decision_that_the_agent_has_not_applied_is_not_an_approval() -> None:
    made = evidence(PRACTICE)
    judgement = judged(made, approval(OTHER, statement_digest(made), applied=False))
    assert (judgement.approved_by, judgement.on_the_way) == ((), (OTHER,))


def test_one_operator_is_counted_once_and_is_not_asked_again() -> None:
    made = evidence(PRACTICE)
    mine = approval(ME, statement_digest(made))
    judgement = judged(made, mine, mine)
    assert judgement.approved_by == (ME,) and not judgement.needs_me


def test_a_decision_that_does_not_stand_counts_for_nothing() -> None:
    made = evidence(PRACTICE)
    refused = approval(OTHER, statement_digest(made), refusal=Refusal.DECISION_EXPIRED)
    assert judged(made, approval(OTHER, "e" * 64), refused).approved_by == ()


def test_an_expired_approval_counts_no_longer() -> None:
    made = evidence(PRACTICE)
    assert judged(made, approval(ME, statement_digest(made)), at=NOW + 60).approved_by == ()


def test_three_digests_that_differ_are_told_even_if_every_check_says_pass() -> None:
    good = evidence(PRACTICE, Gate.RECONCILED)
    bad = msgspec.structs.replace(good, digests=SetDigests("a" * 64, "a" * 64, "b" * 64))
    assert judged(good).digests_equal is True and judged(good).approvable
    judgement = judged(bad)
    assert judgement.digests_equal is False and judgement.refusal is Refusal.EVIDENCE_FAILED


def test_a_pass_that_its_own_numbers_deny_is_not_believed() -> None:
    made = evidence(PRACTICE)
    short = msgspec.structs.replace(made.checks[0], verdict=Verdict.PASS, actual=made.checks[0].expected - 1)
    lying = msgspec.structs.replace(made, checks=(short, *made.checks[1:]))
    assert judged(lying).refusal is Refusal.EVIDENCE_FAILED and not judged(lying).needs_me


@pytest.mark.attack
def test_evidence_that_the_hub_made_up_is_told() -> None:
    practice, fleet = world(evidence(PRACTICE), key=Ed25519PrivateKey.generate())
    assert judge(practice, Gate.DRY_RUN, fleet, ME, NOW).refusal is Refusal.SIGNATURE_INVALID


@pytest.mark.attack
def test_evidence_of_another_practice_is_told() -> None:
    assert judged(evidence("f" * 32)).refusal is Refusal.WRONG_PRACTICE


def test_a_viewer_is_never_asked() -> None:
    practice, fleet = world(evidence(PRACTICE))
    assert needs_me(practice, fleet, ME, NOW) == (Gate.DRY_RUN,)
    assert needs_me(practice, fleet, "9" * 32, NOW) == () and not may_decide(fleet, "9" * 32)


def test_failed_evidence_can_be_rejected_and_not_approved() -> None:
    made = msgspec.structs.replace(evidence(PRACTICE), checks=())
    practice, fleet = world(made, state=GateState.CLOSED)
    judgement = judge(practice, made.gate, fleet, ME, NOW)
    with pytest.raises(Refused) as refused:
        make_decision(practice, judgement, DecisionVerdict.APPROVE, fleet.policy, nonce="1" * 32, now=NOW)
    assert refused.value.reason is Refusal.CHECKS_INCOMPLETE
    rejection = make_decision(practice, judgement, DecisionVerdict.REJECT, fleet.policy, nonce="1" * 32, now=NOW)
    assert rejection.evidence == statement_digest(made)
