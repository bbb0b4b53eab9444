"""The gate ledger: nothing opens without passing evidence and enough valid decisions, and nothing is forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.gates import GATES, ROAD
from engine.ledger import Ledger
from protocol.errors import Refused
from protocol.keyset import Signer
from protocol.statements import SignedEvidence, statement_digest
from protocol.vocabulary import Check, DecisionVerdict, Gate, GateState, Phase, Refusal
from tests.engine.statements import AGENT, NOW, PRACTICE, ROOT, RUN, decision, evidence, keyset, operator_id, signer


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.jsonl", clock)
    ledger.open_run(RUN, AGENT.public_key)
    ledger.enroll(PRACTICE, ROOT.public_key)
    ledger.record_keyset(keyset())
    return ledger


def open_up_to(ledger: Ledger, last: Gate) -> SignedEvidence:
    """Evidence and all approvals for every gate up to and with `last`."""
    for gate in GATES[: GATES.index(last) + 1]:
        newest = evidence(gate)
        ledger.record_evidence(newest)
        for name in ("ann", "bob")[: ledger.standings()[gate].needed]:
            ledger.record_decision(decision(name, newest))
    return newest


def refusal(call: object, *arguments: object) -> Refusal:
    with pytest.raises(Refused) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.reason


def test_a_new_run_has_every_gate_closed(ledger: Ledger) -> None:
    assert {s.state for s in ledger.standings().values()} == {GateState.CLOSED}
    assert refusal(ledger.require_open_before, Phase.CONVERT) is Refusal.EVIDENCE_MISSING


def test_the_dry_run_gate_needs_two_different_people(ledger: Ledger) -> None:
    open_up_to(ledger, Gate.PROFILE_PROVEN)
    newest = evidence(Gate.DRY_RUN)
    ledger.record_evidence(newest)
    ledger.record_decision(decision("ann", newest))
    ledger.record_decision(decision("ann", newest, at=NOW + 1))
    assert ledger.standings()[Gate.DRY_RUN].state is GateState.WAITING
    assert refusal(ledger.begin, Phase.CONVERT) is Refusal.APPROVALS_MISSING
    ledger.record_decision(decision("bob", newest))
    assert ledger.standings()[Gate.DRY_RUN].state is GateState.OPEN
    ledger.begin(Phase.CONVERT)


def test_new_evidence_voids_approvals_and_everything_built_on_the_old(ledger: Ledger) -> None:
    open_up_to(ledger, Gate.RECONCILED)
    ledger.record_evidence(evidence(Gate.DRY_RUN, at=NOW + 5))
    standings = ledger.standings()
    assert standings[Gate.PROFILE_PROVEN].state is GateState.OPEN
    assert standings[Gate.DRY_RUN].state is GateState.WAITING
    assert standings[Gate.CONVERTED].refusal is Refusal.EVIDENCE_MISSING
    assert standings[Gate.RECONCILED].refusal is Refusal.EVIDENCE_MISSING


@pytest.mark.attack
def test_a_conversion_by_another_plan_than_the_approved_one_opens_nothing(ledger: Ledger) -> None:
    open_up_to(ledger, Gate.DRY_RUN)
    ledger.record_evidence(evidence(Gate.CONVERTED, plan="6" * 64))
    assert ledger.standings()[Gate.CONVERTED].refusal is Refusal.EVIDENCE_NOT_NEWEST
    assert refusal(ledger.begin, Phase.RECONCILE) is Refusal.EVIDENCE_NOT_NEWEST


def test_a_rejection_keeps_the_gate_closed_until_new_evidence(ledger: Ledger) -> None:
    open_up_to(ledger, Gate.STAGED)
    newest = evidence(Gate.PROFILE_PROVEN)
    ledger.record_evidence(newest)
    ledger.record_decision(decision("ann", newest, verdict=DecisionVerdict.REJECT))
    ledger.record_decision(decision("bob", newest))
    assert ledger.standings()[Gate.PROFILE_PROVEN].state is GateState.REJECTED


def test_approvals_expire_unless_the_phase_behind_the_gate_has_begun(ledger: Ledger, clock: Clock) -> None:
    open_up_to(ledger, Gate.DRY_RUN)
    clock.now += 3600
    assert ledger.standings()[Gate.PROFILE_PROVEN].state is GateState.WAITING
    assert refusal(ledger.begin, Phase.CONVERT) is Refusal.DECISION_EXPIRED
    clock.now -= 1
    ledger.begin(Phase.CONVERT)
    clock.now += 50_000
    ledger.begin(Phase.CONVERT)


def test_a_revoked_operators_approval_no_longer_counts(ledger: Ledger) -> None:
    open_up_to(ledger, Gate.DRY_RUN)
    ledger.record_keyset(keyset(2, revoked=("bob",)))
    assert ledger.standings()[Gate.DRY_RUN].approvals == (operator_id("ann"),)
    assert refusal(ledger.begin, Phase.CONVERT) is Refusal.APPROVALS_MISSING


def test_enrolling_voids_evidence_from_before(tmp_path: Path, clock: Clock) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", clock)
    ledger.open_run(RUN, AGENT.public_key)
    ledger.record_evidence(evidence(Gate.STAGED, practice="0" * 32))
    assert ledger.standings()[Gate.STAGED].state is GateState.OPEN
    ledger.enroll(PRACTICE, ROOT.public_key)
    assert ledger.standings()[Gate.STAGED].state is GateState.CLOSED


def _stranger(newest: SignedEvidence) -> object:
    return decision("mallory", newest)


ATTACKS = {
    "other evidence": (lambda e: decision("ann", e, evidence="f" * 64), Refusal.EVIDENCE_NOT_NEWEST),
    "other practice": (lambda e: decision("ann", e, practice="f" * 32), Refusal.WRONG_PRACTICE),
    "other run": (lambda e: decision("ann", e, run="f" * 32), Refusal.WRONG_RUN),
    "a gate without evidence": (lambda e: decision("ann", e, gate=Gate.CONVERTED), Refusal.EVIDENCE_MISSING),
    "other policy": (lambda e: decision("ann", e, policy_version=9), Refusal.WRONG_POLICY),
    "expired": (lambda e: decision("ann", e, at=NOW - 7200), Refusal.DECISION_EXPIRED),
    "from the future": (lambda e: decision("ann", e, at=NOW + 86_400), Refusal.DECISION_FROM_FUTURE),
    "an unknown operator": (_stranger, Refusal.OPERATOR_UNKNOWN),
    "a viewer": (lambda e: decision("vera", e), Refusal.ROLE_INSUFFICIENT),
}


@pytest.mark.attack
@pytest.mark.parametrize("name", ATTACKS)
def test_a_decision_is_refused(ledger: Ledger, name: str) -> None:
    forge, expected = ATTACKS[name]
    open_up_to(ledger, Gate.PROFILE_PROVEN)
    newest = evidence(Gate.DRY_RUN)
    ledger.record_evidence(newest)
    assert refusal(ledger.record_decision, forge(newest)) is expected
    assert ledger.standings()[Gate.DRY_RUN].approvals == ()


@pytest.mark.attack
def test_a_replayed_decision_is_refused(ledger: Ledger) -> None:
    open_up_to(ledger, Gate.STAGED)
    newest = evidence(Gate.PROFILE_PROVEN)
    ledger.record_evidence(newest)
    decided = decision("ann", newest)
    ledger.record_decision(decided)
    assert refusal(ledger.record_decision, decided) is Refusal.DECISION_REPLAYED


@pytest.mark.attack
def test_a_decision_on_failed_evidence_is_refused(ledger: Ledger) -> None:
    open_up_to(ledger, Gate.STAGED)
    failed = evidence(Gate.PROFILE_PROVEN, failing=Check.SAMPLES_ENOUGH)
    ledger.record_evidence(failed)
    assert refusal(ledger.record_decision, decision("ann", failed)) is Refusal.EVIDENCE_FAILED


@pytest.mark.attack
@pytest.mark.parametrize(
    ("forged", "expected"),
    [(keyset(2, root=signer("mallory")), Refusal.SIGNATURE_INVALID), (keyset(0 + 1), Refusal.KEYSET_OLDER)],
    ids=["another root", "an older version"],
)
def test_a_key_set_is_refused(ledger: Ledger, forged: object, expected: Refusal) -> None:
    ledger.record_keyset(keyset(3))
    assert refusal(ledger.record_keyset, forged) is expected


@pytest.mark.attack
def test_evidence_of_another_key_is_refused(ledger: Ledger) -> None:
    mine = evidence(Gate.STAGED)
    forged = SignedEvidence(mine.evidence, _resigned(mine, signer("mallory")))
    assert refusal(ledger.record_evidence, forged) is Refusal.SIGNATURE_INVALID


def _resigned(signed: SignedEvidence, by: Signer) -> object:
    from protocol.statements import sign_evidence

    return sign_evidence(signed.evidence, by).signature


@pytest.mark.attack
@pytest.mark.parametrize("change", ["edit", "drop", "swap", "rewrite-with-chain"])
def test_an_edited_ledger_closes_every_gate(ledger: Ledger, tmp_path: Path, clock: Clock, change: str) -> None:
    open_up_to(ledger, Gate.DRY_RUN)
    path = tmp_path / "ledger.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(_tampered(lines, change)) + "\n")
    damaged = Ledger(path, clock)
    assert refusal(damaged.begin, Phase.CONVERT) is Refusal.LEDGER_DAMAGED


def test_a_ledger_that_is_lost_is_called_lost_and_not_changed(ledger: Ledger, tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "ledger.jsonl").unlink()
    with pytest.raises(Refused, match="is not there") as lost:
        Ledger(tmp_path / "ledger.jsonl", clock).require_begun()
    assert lost.value.reason is Refusal.LEDGER_DAMAGED
    assert "run init, then settle, then bitewing-agent enroll" in lost.value.next_step


def _tampered(lines: list[str], change: str) -> list[str]:
    if change == "edit":
        return [*lines[:3], lines[3].replace('"actual":7', '"actual":8', 1), *lines[4:]]
    if change == "drop":
        return lines[:3] + lines[4:]
    if change == "swap":
        return [*lines[:3], lines[4], lines[3], *lines[5:]]
    return _rechained([line.replace('"actual":7', '"actual":8') for line in lines])


def _rechained(lines: list[str]) -> list[str]:
    """What an attacker with the source code, but without the keys, would do: edit, and mend every hash."""
    from engine.chain import GENESIS, _hash

    prev, mended = GENESIS, []
    for line in lines:
        record = json.loads(line)
        del record["hash"]
        record["prev"] = prev
        prev = _hash(record)
        mended.append(json.dumps({**record, "hash": prev}))
    return mended


@pytest.mark.fault
@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_line_torn_by_a_power_cut_is_dropped(ledger: Ledger, tmp_path: Path, clock: Clock, cut: int) -> None:
    ledger.record_evidence(evidence(Gate.STAGED))
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    after = Ledger(path, clock)
    assert after.standings()[Gate.STAGED].state is GateState.CLOSED
    after.record_evidence(evidence(Gate.STAGED))
    assert after.standings()[Gate.STAGED].state is GateState.OPEN


def test_two_handles_on_one_ledger_see_each_other(ledger: Ledger, tmp_path: Path, clock: Clock) -> None:
    other = Ledger(tmp_path / "ledger.jsonl", clock)
    other.record_evidence(evidence(Gate.STAGED))
    assert ledger.standings()[Gate.STAGED].state is GateState.OPEN


class GatesMachine(RuleBasedStateMachine):
    """Whatever the order of evidence and decisions: an open gate has earned it, and so have those before it."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.ledger = Ledger(Path(self.folder.name) / "ledger.jsonl", self.clock)
        self.ledger.open_run(RUN, AGENT.public_key)
        self.ledger.enroll(PRACTICE, ROOT.public_key)
        self.ledger.record_keyset(keyset())
        self.newest: dict[Gate, SignedEvidence] = {}
        self.approved: dict[str, set[str]] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(gate=st.sampled_from(GATES), fails=st.booleans())
    def produce(self, gate: Gate, fails: bool) -> None:
        self.clock.now += 1
        failing = next(iter(evidence(gate).evidence.checks)).check if fails else None
        signed = evidence(gate, at=self.clock.now, failing=failing)
        self.ledger.record_evidence(signed)
        self.newest[gate] = signed

    @rule(gate=st.sampled_from(GATES), name=st.sampled_from(["ann", "bob", "vera", "mallory"]))
    def decide(self, gate: Gate, name: str) -> None:
        if gate not in self.newest:
            return
        self.clock.now += 1
        signed = decision(name, self.newest[gate], at=self.clock.now)
        try:
            self.ledger.record_decision(signed)
        except Refused:
            return
        self.approved.setdefault(signed.decision.evidence, set()).add(name)

    @invariant()
    def open_means_earned(self) -> None:
        earlier_open = True
        for _, gate in ROAD:
            standing = self.ledger.standings()[gate]
            if standing.state is GateState.OPEN:
                assert earlier_open
                newest = self.newest[gate]
                assert all(check.expected == check.actual for check in newest.evidence.checks)
                people = self.approved.get(statement_digest(newest.evidence), set())
                assert len(people & {"ann", "bob"}) >= {Gate.PROFILE_PROVEN: 1, Gate.DRY_RUN: 2}.get(gate, 0)
            earlier_open = earlier_open and standing.state is GateState.OPEN


TestGates = GatesMachine.TestCase
TestGates.settings = settings(
    max_examples=25, stateful_step_count=20, suppress_health_check=list(HealthCheck), deadline=None
)
