"""What opens a gate: evidence that is complete and passed, and enough distinct people who approve exactly that.

Hub, agent and ledger all judge by these rules; the ledger's word is final. Nothing here believes a verdict that its
own numbers contradict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.advice import ADVICE
from protocol.checks import AT_LEAST_CHECKS, REQUIRED_CHECKS
from protocol.errors import Refused
from protocol.keyset import KeySet, Operator, Policy
from protocol.limits import CLOCK_SKEW_SECONDS
from protocol.predicates import CheckResult, Decision, Evidence
from protocol.signed import SignedDecision, is_statement_signed, statement_digest
from protocol.vocabulary import DecisionVerdict, Gate, Refusal, Severity, Verdict

PLANNED_GATES = frozenset({Gate.DRY_RUN, Gate.CONVERTED})
"""Gates whose evidence is about one plan: the one approved and the one followed."""


def passes(evidence: Evidence) -> None:
    """Return if this evidence can open its gate once approved.

    Raises Refused: CHECKS_INCOMPLETE if a required check is absent (an empty list is), EVIDENCE_FAILED if a check
    failed, claims what its numbers deny, a finding blocks, or the three set digests of RECONCILED are not equal.
    """
    _demand_complete(evidence)
    acceptable = _findings_of(evidence, Severity.ACCEPT)
    for result in evidence.checks:
        _demand_check(evidence.gate, result, acceptable)
    if blockers := _findings_of(evidence, Severity.BLOCKER):
        raise _failed(evidence.gate, f"{blockers} findings block")
    if evidence.gate is Gate.RECONCILED:
        _demand_equal_sets(evidence)
    if evidence.gate in PLANNED_GATES and evidence.plan is None:
        raise _incomplete(f"{evidence.gate} needs to name its plan, the evidence names none")


def _demand_complete(evidence: Evidence) -> None:
    required = REQUIRED_CHECKS.get(evidence.gate, frozenset())
    missing = required - {result.check for result in evidence.checks}
    if not required or missing:
        named = ", ".join(sorted(missing)) or "every check"
        raise _incomplete(f"{evidence.gate} needs {len(required)} checks, the evidence lacks {named}")


def _findings_of(evidence: Evidence, severity: Severity) -> int:
    return sum(item.count for item in evidence.totals.findings if ADVICE[item.code].severity is severity)


def _demand_check(gate: Gate, result: CheckResult, acceptable: int) -> None:
    """`acceptable` findings may explain a shortfall only of a check that says so with the verdict ACCEPT."""
    if result.verdict is Verdict.FAIL or not _numbers_allow(result, acceptable):
        raise _failed(gate, f"{result.check}: {result.actual} of {result.expected}")


def _numbers_allow(result: CheckResult, acceptable: int) -> bool:
    if result.check in AT_LEAST_CHECKS and result.actual >= result.expected:
        return True
    allowed = acceptable if result.verdict is Verdict.ACCEPT else 0
    return abs(result.expected - result.actual) <= allowed


def _demand_equal_sets(evidence: Evidence) -> None:
    if evidence.digests is None:
        raise _incomplete("RECONCILED needs three set digests, the evidence has none")
    if not evidence.digests.equal:
        raise _failed(evidence.gate, "the set digests of source, database and disk are not equal")


def _incomplete(what: str) -> Refused:
    return Refused(Refusal.CHECKS_INCOMPLETE, what, next_step="run the phase again with this release")


def _failed(gate: Gate, why: str) -> Refused:
    return Refused(
        Refusal.EVIDENCE_FAILED,
        f"the evidence for {gate} did not pass: {why}",
        next_step="settle the findings, then run the phase again",
    )


def verify_decision(
    signed: SignedDecision, keyset: KeySet, *, now: int, practice: str, run: str, author: str
) -> Operator:
    """The operator whose valid decision for this practice and run `signed` is, at `now` (UTC seconds).

    `author` is the public key that signs this practice's evidence: its holder may not decide. Which evidence the
    decision is about, `demand_about` judges. Raises Refused with the first rule that was broken.
    """
    operator = _demand_signer(signed, keyset)
    if operator.public_key == author:
        raise _refused(Refusal.OWN_EVIDENCE, "nobody decides on evidence they produced", "another operator must decide")
    decision = signed.decision
    _demand_same(Refusal.WRONG_PRACTICE, "practice", decision.practice, practice)
    _demand_same(Refusal.WRONG_RUN, "run", decision.run, run)
    _demand_policy(decision, keyset.policy)
    _demand_time(decision, keyset.policy, now)
    return operator


def demand_about(decision: Decision, evidence: Evidence) -> None:
    """Return if the decision is about exactly this evidence.

    Raises Refused: WRONG_PRACTICE, WRONG_RUN, WRONG_GATE, EVIDENCE_NOT_NEWEST.
    """
    _demand_same(Refusal.WRONG_PRACTICE, "practice", decision.practice, evidence.practice)
    _demand_same(Refusal.WRONG_RUN, "run", decision.run, evidence.run)
    _demand_same(Refusal.WRONG_GATE, "gate", decision.gate, evidence.gate)
    _demand_same(Refusal.EVIDENCE_NOT_NEWEST, "evidence", decision.evidence, statement_digest(evidence))


def _demand_same(reason: Refusal, word: str, got: str, expected: str) -> None:
    if got != expected:
        raise _refused(reason, f"the decision is for {word} {got}, not {expected}", "decide on the newest evidence")


def _demand_signer(signed: SignedDecision, keyset: KeySet) -> Operator:
    operator = keyset.signer_of(signed.signature.keyid)
    if operator is None:
        raise _refused(Refusal.OPERATOR_UNKNOWN, "the key set has no such operator", "send the newest key set")
    if not is_statement_signed(signed.decision, signed.signature, operator.public_key):
        raise _refused(Refusal.SIGNATURE_INVALID, "the decision is not signed by that operator's key", "decide again")
    if operator.revoked:
        raise _refused(Refusal.OPERATOR_REVOKED, "the operator is revoked", "another operator must decide")
    if not operator.may_decide:
        raise _refused(Refusal.ROLE_INSUFFICIENT, f"a {operator.role} may not decide", "an approver must decide")
    return operator


def _demand_policy(decision: Decision, policy: Policy) -> None:
    if decision.policy_version != policy.version:
        raise _refused(
            Refusal.WRONG_POLICY,
            f"the decision was made under policy {decision.policy_version}, policy {policy.version} is in force",
            "decide again",
        )


def _demand_time(decision: Decision, policy: Policy, now: int) -> None:
    if decision.issued_at > now + CLOCK_SKEW_SECONDS:
        ahead = decision.issued_at - now
        raise _refused(Refusal.DECISION_FROM_FUTURE, f"the decision is {ahead} s ahead", "compare the two clocks")
    if now >= expiry(decision, policy):
        raise _refused(Refusal.DECISION_EXPIRED, "the decision has expired", "decide again")


def expiry(decision: Decision, policy: Policy) -> int:
    """When a decision ends, in UTC seconds: as it says itself, and never later than the policy allows."""
    return min(decision.expires_at, decision.issued_at + policy.decision_lifetime_s)


def _refused(reason: Refusal, what: str, next_step: str) -> Refused:
    return Refused(reason, what, next_step=next_step)


@dataclass(frozen=True, slots=True)
class Tally:
    """The distinct operators, by id, whose valid decisions approve or reject one piece of evidence."""

    approved: tuple[str, ...]
    rejected: tuple[str, ...]


def approvals(
    decisions: Iterable[SignedDecision], evidence: Evidence, keyset: KeySet, *, now: int, author: str
) -> Tally:
    """Count people, not signatures, among the decisions that are valid for exactly this evidence at `now`.

    `author` is the public key that signed the evidence. Decisions that are not valid count for nothing. A rejection
    stands until there is new evidence: the same operator's approval does not undo it, whichever arrives first.
    """
    voices: dict[DecisionVerdict, set[str]] = {verdict: set() for verdict in DecisionVerdict}
    for signed in decisions:
        operator = _voice(signed, evidence, keyset, now, author)
        if operator is not None:
            voices[signed.decision.verdict].add(operator.id)
    rejected = voices[DecisionVerdict.REJECT]
    return Tally(tuple(sorted(voices[DecisionVerdict.APPROVE] - rejected)), tuple(sorted(rejected)))


def _voice(signed: SignedDecision, evidence: Evidence, keyset: KeySet, now: int, author: str) -> Operator | None:
    try:
        demand_about(signed.decision, evidence)
        return verify_decision(signed, keyset, now=now, practice=evidence.practice, run=evidence.run, author=author)
    except Refused:
        return None
