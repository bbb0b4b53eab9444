"""Decisions that must be refused, each with its own code, by the agent alone; none reaches the ledger."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import authorize, compose, decision_file
from agent.authorize import Standpoint
from agent.orders import OrderDesk
from agent.outbox import Outbox
from agent.registrar import Registrar
from engine import identity
from engine.entries import DecisionRecorded, RefusalRecorded
from protocol.checks import REQUIRED_CHECKS
from protocol.errors import Refused, UsageProblem
from protocol.keyset import DEFAULT_POLICY, KeySet, Operator, Signer, sign_keyset
from protocol.messages import DecisionOrder, KeySetOrder, Order, OrderBody
from protocol.statements import (
    CheckResult,
    Evidence,
    ProfileDigests,
    SignedDecision,
    Totals,
    envelope,
    sign_decision,
    sign_evidence,
)
from protocol.vocabulary import DecisionVerdict, Gate, Outcome, Refusal, Role, Verdict
from tests.agent.conftest import Practice
from tests.simulators.hub import Firm

NOW = int(time.time())


@dataclass
class Bench:
    """An enrolled practice with evidence for two gates, and the desk that judges."""

    practice: Practice
    firm: Firm
    desk: OrderDesk
    outbox: Outbox
    here: Standpoint

    def give(self, body: OrderBody) -> tuple[Outcome, Refusal | None]:
        """What the desk answers to an order."""
        order = secrets.token_hex(16)
        self.desk.take(Order(order, body))
        answer = msgspec.json.decode(self.outbox.answer(order) or b"")
        return Outcome(answer["outcome"]), Refusal(answer["refusal"]) if answer["refusal"] else None

    def evidence(self, gate: Gate) -> Evidence:
        """The newest evidence of a gate."""
        signed = self.practice.ledger.state().evidence(gate)
        assert signed
        return signed.evidence

    def produce(self, gate: Gate, *, failing: bool = False) -> None:
        """More evidence for a gate."""
        verdict = Verdict.FAIL if failing else Verdict.PASS
        checks = tuple(CheckResult(check, verdict, 7, 6 if failing else 7) for check in REQUIRED_CHECKS[gate])
        made = Evidence(
            self.firm.practice,
            self.practice.run,
            gate,
            int(time.time()),
            "0.1.0",
            ProfileDigests("1" * 64, secrets.token_hex(32)),
            checks,
            Totals(patients=7),
            None,
            1.0,
            "5" * 64,
        )
        self.practice.ledger.record_evidence(sign_evidence(made, self.signer))

    @property
    def signer(self) -> Signer:
        return Signer(identity.load(self.practice.home.identity))

    @property
    def decisions(self) -> list[SignedDecision]:
        """What stands in the ledger."""
        return [r.entry.signed for r in self.practice.ledger.entries() if isinstance(r.entry, DecisionRecorded)]


@pytest.fixture
def bench(practice: Practice, firm: Firm) -> Bench:
    ledger = practice.ledger
    ledger.enroll(firm.practice, firm.root.public_key)
    ledger.record_keyset(firm.keyset())
    here = Standpoint(
        firm.practice, practice.run, firm.root.public_key, Signer(identity.load(practice.home.identity)).public_key
    )
    outbox = Outbox(practice.home.outbox, "owner")
    registrar = Registrar(ledger, here, compose.utc)
    made = Bench(practice, firm, OrderDesk(ledger, outbox, registrar, compose.utc, lambda hold: None), outbox, here)
    made.produce(Gate.STAGED)
    made.produce(Gate.PROFILE_PROVEN)
    return made


def _forged(bench: Bench) -> SignedDecision:
    good = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")
    other = sign_decision(good.decision, Signer(Ed25519PrivateKey.generate()))
    return SignedDecision(good.decision, type(good.signature)(good.signature.keyid, other.signature.sig))


def _stranger(bench: Bench) -> SignedDecision:
    good = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")
    return sign_decision(good.decision, Signer(Ed25519PrivateKey.generate()))


def _own(bench: Bench) -> SignedDecision:
    keyset = KeySet(
        2, (*bench.firm.operators, Operator("c" * 32, bench.signer.public_key, Role.ADMIN, False)), DEFAULT_POLICY, NOW
    )
    bench.practice.ledger.record_keyset(sign_keyset(keyset, bench.firm.root))
    return sign_decision(bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann").decision, bench.signer)


def _changed(who: str = "ann", **changes: object) -> Callable[[Bench], SignedDecision]:
    return lambda bench: bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), who, **changes)  # type: ignore[arg-type]


def _about_old_evidence(bench: Bench) -> SignedDecision:
    old = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")
    bench.produce(Gate.PROFILE_PROVEN)
    return old


def _about_failed_evidence(bench: Bench) -> SignedDecision:
    bench.produce(Gate.PROFILE_PROVEN, failing=True)
    return bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")


def _replayed_nonce(bench: Bench) -> SignedDecision:
    first = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")
    assert bench.give(DecisionOrder(first)) == (Outcome.DONE, None)
    return bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ben", nonce=first.decision.nonce)


ATTACKS = {
    "forged signature": (_forged, Refusal.SIGNATURE_INVALID),
    "an operator nobody knows": (_stranger, Refusal.OPERATOR_UNKNOWN),
    "an operator without the role": (_changed("vic"), Refusal.ROLE_INSUFFICIENT),
    "a revoked operator": (_changed("rex"), Refusal.OPERATOR_REVOKED),
    "the practice's own key": (_own, Refusal.OWN_EVIDENCE),
    "another practice": (_changed(practice="9" * 32), Refusal.WRONG_PRACTICE),
    "another run": (_changed(run="9" * 32), Refusal.WRONG_RUN),
    "another gate's evidence": (_changed(gate=Gate.STAGED), Refusal.EVIDENCE_NOT_NEWEST),
    "a gate without evidence": (_changed(gate=Gate.DRY_RUN), Refusal.EVIDENCE_MISSING),
    "a gate that is not on this road": (_changed(gate=Gate.GO_LIVE), Refusal.EVIDENCE_MISSING),
    "another policy": (_changed(policy_version=9), Refusal.WRONG_POLICY),
    "expired": (_changed(issued_at=NOW - 7200, expires_at=NOW - 10), Refusal.DECISION_EXPIRED),
    "older than the policy allows": (
        _changed(issued_at=NOW - 15 * 86_400, expires_at=NOW + 86_400),
        Refusal.DECISION_EXPIRED,
    ),
    "from the future": (_changed(issued_at=NOW + 86_400, expires_at=NOW + 90_000), Refusal.DECISION_FROM_FUTURE),
    "evidence that is not the newest": (_about_old_evidence, Refusal.EVIDENCE_NOT_NEWEST),
    "evidence that failed": (_about_failed_evidence, Refusal.EVIDENCE_FAILED),
    "used nonce": (_replayed_nonce, Refusal.DECISION_REPLAYED),
}


@pytest.mark.attack
@pytest.mark.parametrize("name", ATTACKS)
def test_a_bad_decision_is_refused_with_its_own_code_and_never_reaches_the_ledger(bench: Bench, name: str) -> None:
    attack, code = ATTACKS[name]
    signed = attack(bench)
    before = bench.practice.ledger.entries()
    assert bench.give(DecisionOrder(signed)) == (Outcome.REFUSED, code)
    assert bench.practice.ledger.entries() == before


@pytest.mark.attack
@pytest.mark.parametrize("name", ATTACKS)
def test_the_ledger_refuses_the_same_even_if_the_agent_did_not(bench: Bench, name: str) -> None:
    signed = ATTACKS[name][0](bench)
    before = bench.decisions
    with pytest.raises(Refused):
        bench.practice.ledger.record_decision(signed)
    assert bench.decisions == before
    assert isinstance(bench.practice.ledger.entries()[-1].entry, RefusalRecorded)


def test_a_good_decision_is_recorded_and_answered_with_its_place(bench: Bench) -> None:
    signed = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")
    assert bench.give(DecisionOrder(signed)) == (Outcome.DONE, None)
    assert bench.decisions == [signed]


@pytest.mark.fault
def test_a_decision_recorded_just_before_a_power_cut_is_answered_from_the_ledger(bench: Bench) -> None:
    signed = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")
    index = bench.practice.ledger.record_decision(signed)
    assert bench.give(DecisionOrder(signed)) == (Outcome.DONE, None)
    assert bench.decisions == [signed]
    assert any(f'"ledger":{index}'.encode() in queued.body for queued in bench.outbox.take())


def test_a_rejection_is_recorded_like_an_approval(bench: Bench) -> None:
    signed = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ben", DecisionVerdict.REJECT)
    assert bench.give(DecisionOrder(signed)) == (Outcome.DONE, None)


def test_without_a_key_set_nothing_is_believed(practice: Practice, firm: Firm) -> None:
    bench = Bench(practice, firm, None, None, None)  # type: ignore[arg-type]
    practice.ledger.enroll(firm.practice, firm.root.public_key)
    bench.produce(Gate.STAGED)
    here = Standpoint(firm.practice, practice.run, firm.root.public_key, bench.signer.public_key)
    with pytest.raises(Refused) as caught:
        authorize.demand_decision(firm.decide(bench.evidence(Gate.STAGED), "ann"), practice.ledger.entries(), here, NOW)
    assert caught.value.reason is Refusal.KEYSET_MISSING


@pytest.mark.attack
def test_a_key_set_of_another_root_is_refused_even_if_the_ledger_was_made_to_pin_it(bench: Bench) -> None:
    attacker = Firm(practice=bench.firm.practice)
    bench.practice.ledger.enroll(attacker.practice, attacker.root.public_key)
    assert bench.give(KeySetOrder(attacker.keyset(9))) == (Outcome.REFUSED, Refusal.SIGNATURE_INVALID)


@pytest.mark.attack
def test_an_older_key_set_is_refused_for_ever(bench: Bench) -> None:
    assert bench.give(KeySetOrder(bench.firm.keyset(7))) == (Outcome.DONE, None)
    assert bench.give(KeySetOrder(bench.firm.keyset(6))) == (Outcome.REFUSED, Refusal.KEYSET_OLDER)
    assert bench.give(KeySetOrder(bench.firm.keyset(7))) == (Outcome.DONE, None)


@pytest.mark.attack
def test_nothing_is_decided_over_a_damaged_ledger(bench: Bench) -> None:
    signed = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")
    path = bench.practice.folder / "ledger.jsonl"
    path.write_text(path.read_text().replace('"patients":7', '"patients":8', 1))
    assert bench.give(DecisionOrder(signed)) == (Outcome.REFUSED, Refusal.LEDGER_DAMAGED)


def test_a_decision_travels_in_a_standard_envelope(bench: Bench, tmp_path: Path) -> None:
    signed = bench.firm.decide(bench.evidence(Gate.PROFILE_PROVEN), "ann")
    file = tmp_path / "decision.json"
    file.write_bytes(envelope(signed))
    assert decision_file.read(file) == signed


@pytest.mark.attack
def test_a_file_that_is_no_decision_is_refused(bench: Bench, tmp_path: Path) -> None:
    evidence = bench.practice.ledger.state().evidence(Gate.STAGED)
    assert evidence
    for content in (b"", b"garbage", b"{}", envelope(evidence), b" " * 100_000):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(Refused) as caught:
            decision_file.read(tmp_path / "x")
        assert caught.value.reason is Refusal.STATEMENT_MALFORMED
    with pytest.raises(UsageProblem):
        decision_file.read(tmp_path / "absent")
