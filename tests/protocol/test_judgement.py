"""A gate opens on complete evidence that passed, and on enough distinct people who approve exactly that evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checks import REQUIRED_CHECKS
from protocol.errors import Refused
from protocol.keyset import DEFAULT_POLICY, KeySet, Operator, Signer
from protocol.limits import CLOCK_SKEW_SECONDS
from protocol.statements import (
    CheckResult,
    Evidence,
    FindingCount,
    SetDigests,
    SignedDecision,
    Tally,
    approvals,
    demand_about,
    expiry,
    passes,
    verify_decision,
)
from protocol.vocabulary import Check, DecisionVerdict, FindingCode, Gate, Refusal, Role, Verdict
from tests.protocol import world
from tests.protocol.world import ADA, AGENT, BEN, DAY, GONE, KEYSET, MAX, NOW, PRACTICE, RUN, STRANGER, VERA

EVIDENCE = world.evidence()
GATES = list(REQUIRED_CHECKS)


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.next_step or caught.value.reason is Refusal.CHECKS_INCOMPLETE
    return caught.value.reason


def judge(signed: SignedDecision, *, keyset: KeySet = KEYSET, now: int = NOW, shown: Evidence = EVIDENCE) -> Operator:
    operator = verify_decision(signed, keyset, now=now, practice=PRACTICE, run=RUN, author=AGENT.public_key)
    demand_about(signed.decision, shown)
    return operator


def tally(*decisions: SignedDecision, keyset: KeySet = KEYSET, now: int = NOW, shown: Evidence = EVIDENCE) -> Tally:
    return approvals(decisions, shown, keyset, now=now, author=AGENT.public_key)


# --- evidence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", GATES)
def test_complete_evidence_that_passed_passes(gate: Gate) -> None:
    passes(world.evidence(gate))


@pytest.mark.attack
@pytest.mark.parametrize("gate", Gate)
def test_an_empty_list_of_checks_fails_at_every_gate(gate: Gate) -> None:
    assert refused(lambda: passes(world.evidence(gate, checks=()))) is Refusal.CHECKS_INCOMPLETE


@pytest.mark.attack
@pytest.mark.parametrize("gate", GATES)
def test_a_missing_check_fails(gate: Gate) -> None:
    checks = world.evidence(gate).checks
    for absent in range(len(checks)):
        shown = world.evidence(gate, checks=checks[:absent] + checks[absent + 1 :])
        assert refused(lambda shown=shown: passes(shown)) is Refusal.CHECKS_INCOMPLETE  # type: ignore[misc]


@pytest.mark.attack
@pytest.mark.parametrize("gate", [gate for gate in Gate if gate not in REQUIRED_CHECKS])
def test_evidence_for_a_gate_that_opens_by_attestation_never_passes(gate: Gate) -> None:
    checks = (CheckResult(Check.NO_BLOCKERS, Verdict.PASS, 0, 0),)
    assert refused(lambda: passes(world.evidence(gate, checks=checks))) is Refusal.CHECKS_INCOMPLETE


def with_check(result: CheckResult, *, gate: Gate = Gate.DRY_RUN, findings: tuple[FindingCount, ...] = ()) -> Evidence:
    others = tuple(one for one in world.evidence(gate).checks if one.check is not result.check)
    return world.evidence(gate, checks=(*others, result), findings=findings)


MISSING = (FindingCount(FindingCode.MISSING_FILE, 2),)

FAILING: dict[str, Evidence] = {
    "a failed check": with_check(CheckResult(Check.IMAGES_DECODED, Verdict.FAIL, 7, 7)),
    "a pass with fewer than expected": with_check(CheckResult(Check.IMAGES_DECODED, Verdict.PASS, 7, 6)),
    "a pass with more than expected": with_check(CheckResult(Check.FILES_WRITTEN, Verdict.PASS, 0, 1)),
    "a pass short by findings": with_check(CheckResult(Check.IMAGES_DECODED, Verdict.PASS, 7, 5), findings=MISSING),
    "an accept without findings": with_check(CheckResult(Check.IMAGES_DECODED, Verdict.ACCEPT, 7, 6)),
    "an accept short by more": with_check(CheckResult(Check.IMAGES_DECODED, Verdict.ACCEPT, 7, 4), findings=MISSING),
    "a finding that blocks": world.evidence(findings=(FindingCount(FindingCode.UNKNOWN_CODE, 1),)),
    "too little disk": with_check(CheckResult(Check.DISK_SUFFICIENT, Verdict.PASS, 100, 99)),
    "a fail with disk to spare": with_check(CheckResult(Check.DISK_SUFFICIENT, Verdict.FAIL, 100, 900)),
}


@pytest.mark.attack
@pytest.mark.parametrize("shown", FAILING.values(), ids=FAILING)
def test_evidence_fails_with(shown: Evidence) -> None:
    assert refused(lambda: passes(shown)) is Refusal.EVIDENCE_FAILED


PASSING: dict[str, Evidence] = {
    "disk to spare": with_check(CheckResult(Check.DISK_SUFFICIENT, Verdict.PASS, 100, 900)),
    "an accept that findings explain": with_check(
        CheckResult(Check.IMAGES_DECODED, Verdict.ACCEPT, 7, 5), findings=MISSING
    ),
    "findings worth knowing": world.evidence(findings=(FindingCount(FindingCode.LOSSY_SOURCE, 900),)),
    "more samples than needed": with_check(
        CheckResult(Check.SAMPLES_ENOUGH, Verdict.PASS, 20, 31), gate=Gate.PROFILE_PROVEN
    ),
}


@pytest.mark.parametrize("shown", PASSING.values(), ids=PASSING)
def test_evidence_passes_with(shown: Evidence) -> None:
    passes(shown)


@pytest.mark.attack
def test_reconciled_needs_three_digests_that_are_equal_whatever_its_checks_say() -> None:
    one, other = world.hex_of("one", 64), world.hex_of("other", 64)
    for digests in (SetDigests(one, one, other), SetDigests(one, other, one), SetDigests(other, one, one)):
        shown = world.evidence(Gate.RECONCILED, digests=digests)
        assert refused(lambda shown=shown: passes(shown)) is Refusal.EVIDENCE_FAILED  # type: ignore[misc]
    missing = world.evidence(Gate.RECONCILED, digests=None)
    assert refused(lambda: passes(missing)) is Refusal.CHECKS_INCOMPLETE


@pytest.mark.attack
@pytest.mark.parametrize("gate", [Gate.DRY_RUN, Gate.CONVERTED])
def test_evidence_about_no_plan_opens_nothing(gate: Gate) -> None:
    passes(world.evidence(gate))
    assert refused(lambda: passes(world.evidence(gate, plan=False))) is Refusal.CHECKS_INCOMPLETE


# --- one decision -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [ADA, BEN, MAX], ids=["approver", "another approver", "admin"])
def test_a_decision_of_an_operator_who_may_decide_is_accepted(who: Signer) -> None:
    assert judge(world.signed_decision(who)).id == world.id_of(who)


OTHER = world.hex_of("other", 32)

ATTACKS: dict[str, tuple[Refusal, SignedDecision]] = {
    "other evidence": (
        Refusal.EVIDENCE_NOT_NEWEST,
        world.signed_decision(ADA, world.evidence(produced_at=NOW - 601)),
    ),
    "another run": (Refusal.WRONG_RUN, world.signed_decision(ADA, world.evidence(run=OTHER))),
    "another gate": (Refusal.WRONG_GATE, world.signed_decision(ADA, world.evidence(Gate.STAGED))),
    "another practice": (Refusal.WRONG_PRACTICE, world.signed_decision(ADA, world.evidence(practice=OTHER))),
    "another policy": (Refusal.WRONG_POLICY, world.signed_decision(ADA, policy_version=DEFAULT_POLICY.version + 1)),
    "an older policy": (Refusal.WRONG_POLICY, world.signed_decision(ADA, policy_version=DEFAULT_POLICY.version - 1)),
    "an expired one": (Refusal.DECISION_EXPIRED, world.signed_decision(ADA, expires_at=NOW)),
    "one that outlives the policy": (
        Refusal.DECISION_EXPIRED,
        world.signed_decision(ADA, issued_at=NOW - DEFAULT_POLICY.decision_lifetime_s, expires_at=NOW + 1000 * DAY),
    ),
    "one from the future": (
        Refusal.DECISION_FROM_FUTURE,
        world.signed_decision(ADA, issued_at=NOW + CLOCK_SKEW_SECONDS + 1, expires_at=NOW + 9 * DAY),
    ),
    "a clock that is days ahead": (
        Refusal.DECISION_FROM_FUTURE,
        world.signed_decision(ADA, issued_at=NOW + 3 * DAY, expires_at=NOW + 9 * DAY),
    ),
    "a clock that is weeks behind": (
        Refusal.DECISION_EXPIRED,
        world.signed_decision(ADA, issued_at=NOW - 40 * DAY, expires_at=NOW - 26 * DAY),
    ),
    "a stranger": (Refusal.OPERATOR_UNKNOWN, world.signed_decision(STRANGER)),
    "a viewer": (Refusal.ROLE_INSUFFICIENT, world.signed_decision(VERA)),
    "a revoked operator": (Refusal.OPERATOR_REVOKED, world.signed_decision(GONE)),
    "the practice's own key, which no key set holds": (Refusal.OPERATOR_UNKNOWN, world.signed_decision(AGENT)),
    "the firm's root key": (Refusal.OPERATOR_UNKNOWN, world.signed_decision(world.ROOT)),
}


@pytest.mark.attack
@pytest.mark.parametrize("name", ATTACKS)
def test_a_decision_is_refused_that_is_or_is_from(name: str) -> None:
    reason, signed = ATTACKS[name]
    assert refused(lambda: judge(signed)) is reason
    assert tally(signed) == Tally((), ())


@pytest.mark.attack
def test_nobody_decides_on_evidence_they_produced() -> None:
    """Even if the firm's root put the practice's own key into the key set as an approver."""
    keyset = msgspec.structs.replace(KEYSET, operators=(*KEYSET.operators, world.operator(AGENT, Role.ADMIN)))
    signed = world.signed_decision(AGENT)
    assert refused(lambda: judge(signed, keyset=keyset)) is Refusal.OWN_EVIDENCE
    assert tally(signed, keyset=keyset) == Tally((), ())


@pytest.mark.attack
@pytest.mark.parametrize(
    ("reason", "practice", "run"),
    [(Refusal.WRONG_PRACTICE, OTHER, RUN), (Refusal.WRONG_RUN, PRACTICE, OTHER)],
)
def test_a_decision_for_elsewhere_is_refused_before_any_evidence_is_looked_at(
    reason: Refusal, practice: str, run: str
) -> None:
    signed = world.signed_decision(ADA)
    call = lambda: verify_decision(signed, KEYSET, now=NOW, practice=practice, run=run, author=AGENT.public_key)  # noqa: E731
    assert refused(call) is reason


@pytest.mark.attack
@pytest.mark.parametrize("elsewhere", [{"practice": OTHER}, {"run": OTHER}], ids=["practice", "run"])
def test_a_decision_is_not_about_evidence_from_elsewhere(elsewhere: dict[str, Any]) -> None:
    shown = msgspec.structs.replace(EVIDENCE, **elsewhere)
    reason = refused(lambda: demand_about(world.decision(EVIDENCE), shown))
    assert reason is (Refusal.WRONG_PRACTICE if "practice" in elsewhere else Refusal.WRONG_RUN)


FORGERIES: dict[str, dict[str, Any]] = {
    "the verdict": {"verdict": DecisionVerdict.REJECT},
    "the expiry": {"expires_at": NOW + 2 * DAY},
    "the nonce": {"nonce": OTHER},
    "the gate": {"gate": Gate.CONVERTED},
    "the evidence": {"evidence": world.hex_of("other evidence", 64)},
}


@pytest.mark.attack
@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_a_decision_that_the_hub_changed_is_refused(change: dict[str, Any]) -> None:
    signed = world.signed_decision(ADA)
    forged = SignedDecision(msgspec.structs.replace(signed.decision, **change), signed.signature)
    assert refused(lambda: judge(forged)) is Refusal.SIGNATURE_INVALID
    assert tally(forged) == Tally((), ())


@pytest.mark.attack
def test_a_decision_signed_by_one_operator_in_the_name_of_another_is_refused() -> None:
    signed = world.signed_decision(STRANGER)
    forged = SignedDecision(signed.decision, msgspec.structs.replace(signed.signature, keyid=ADA.keyid))
    assert refused(lambda: judge(forged)) is Refusal.SIGNATURE_INVALID


def test_a_slightly_fast_clock_is_tolerated_and_a_decision_holds_until_its_last_second() -> None:
    ahead = world.signed_decision(ADA, issued_at=NOW + CLOCK_SKEW_SECONDS)
    assert judge(ahead).id == world.id_of(ADA)
    signed = world.signed_decision(ADA, expires_at=NOW + 10)
    assert judge(signed, now=NOW + 9).id == world.id_of(ADA)
    assert refused(lambda: judge(signed, now=NOW + 10)) is Refusal.DECISION_EXPIRED


def test_a_decision_ends_when_the_policy_says_even_if_it_says_later() -> None:
    signed = world.signed_decision(ADA, issued_at=NOW, expires_at=NOW + 400 * DAY)
    assert expiry(signed.decision, DEFAULT_POLICY) == NOW + DEFAULT_POLICY.decision_lifetime_s


# --- many decisions ---------------------------------------------------------------------------------------------


def test_two_people_are_two_approvals() -> None:
    found = tally(world.signed_decision(ADA), world.signed_decision(BEN))
    assert found.approved == tuple(sorted((world.id_of(ADA), world.id_of(BEN))))


@pytest.mark.attack
def test_one_operator_twice_is_one_approval() -> None:
    twice = [world.signed_decision(ADA, nonce=name) for name in ("one", "two", "three")]
    found = tally(*twice, twice[0])
    assert found.approved == (world.id_of(ADA),)


@pytest.mark.attack
def test_one_key_under_two_ids_cannot_stand_in_a_key_set() -> None:
    twin = Operator(OTHER, ADA.public_key, Role.APPROVER, False)
    with pytest.raises(ValueError, match="twice"):
        msgspec.structs.replace(KEYSET, operators=(*KEYSET.operators, twin))


@pytest.mark.attack
def test_refused_decisions_do_not_count_towards_a_threshold() -> None:
    found = tally(world.signed_decision(ADA), *(signed for _, signed in ATTACKS.values()))
    assert found == Tally((world.id_of(ADA),), ())


@pytest.mark.attack
def test_a_rejection_stands_whichever_arrives_first_and_however_many_approve() -> None:
    no = world.signed_decision(ADA, verdict=DecisionVerdict.REJECT, nonce="no")
    yes = [world.signed_decision(who, nonce="yes") for who in (ADA, BEN, MAX)]
    for order in ([no, *yes], [*yes, no]):
        found = tally(*order)
        assert found.rejected == (world.id_of(ADA),)
        assert world.id_of(ADA) not in found.approved


@pytest.mark.attack
def test_an_operator_revoked_later_no_longer_counts() -> None:
    signed = [world.signed_decision(ADA), world.signed_decision(BEN)]
    revoked = tuple(
        msgspec.structs.replace(one, revoked=True) if one.id == world.id_of(BEN) else one for one in KEYSET.operators
    )
    newer = KeySet(KEYSET.version + 1, revoked, DEFAULT_POLICY, NOW)
    assert tally(*signed, keyset=newer).approved == (world.id_of(ADA),)


@pytest.mark.attack
def test_new_evidence_voids_old_approvals() -> None:
    signed = [world.signed_decision(ADA), world.signed_decision(BEN)]
    assert tally(*signed, shown=world.evidence(produced_at=NOW)) == Tally((), ())


VOICES = st.tuples(st.sampled_from([ADA, BEN, MAX, VERA, GONE, STRANGER]), st.sampled_from(DecisionVerdict))


@given(st.lists(VOICES, max_size=8), st.randoms(use_true_random=False))
def test_counting_is_by_person_and_never_by_order(voices: list[tuple[Signer, DecisionVerdict]], random: Any) -> None:
    signed = [
        world.signed_decision(who, verdict=verdict, nonce=str(number)) for number, (who, verdict) in enumerate(voices)
    ]
    found = tally(*signed)
    random.shuffle(signed)
    assert tally(*signed) == found
    able = [(world.id_of(who), verdict) for who, verdict in voices if who in (ADA, BEN, MAX)]
    rejected = {person for person, verdict in able if verdict is DecisionVerdict.REJECT}
    assert set(found.rejected) == rejected
    assert set(found.approved) == {person for person, _ in able} - rejected
