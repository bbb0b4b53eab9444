"""Which signed decision or key set may be acted on: the agent's own judgement, before the engine's ledger judges again.

It relies on what enrolment left (practice, root key) and reads the ledger's entries itself, so that a mistake in one
of the two judges is caught by the other. A hub that lies can delay; it cannot make either of them say yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.entries import DecisionRecorded, EvidenceRecorded, KeySetRecorded
from engine.ledger import Recorded
from protocol.errors import Refused
from protocol.keyset import KeySet, SignedKeySet, verify_keyset
from protocol.statements import Evidence, SignedDecision, demand_about, passes, verify_decision
from protocol.vocabulary import DecisionVerdict, Gate, Refusal


@dataclass(frozen=True, slots=True)
class Standpoint:
    """What the agent is sure of without asking anyone: ids in hex, public keys as 64 hex digits."""

    practice: str
    run: str
    root: str
    author: str


def demand_decision(signed: SignedDecision, entries: Sequence[Recorded], here: Standpoint, now: int) -> None:
    """Return if this decision may be recorded at `now` (UTC seconds). Raises Refused with the first rule it breaks."""
    verify_decision(signed, _keyset(entries, here), now=now, practice=here.practice, run=here.run, author=here.author)
    decision = signed.decision
    if any(decision.nonce == other.decision.nonce for other in _decisions(entries)):
        raise Refused(Refusal.DECISION_REPLAYED, "this decision was used before", next_step="decide again")
    evidence = _newest(decision.gate, entries, here)
    demand_about(decision, evidence)
    if decision.verdict is DecisionVerdict.APPROVE:
        passes(evidence)


def demand_keyset(signed: SignedKeySet, entries: Sequence[Recorded], here: Standpoint) -> None:
    """Return if the firm's root signed this key set and it is not older than one seen. Raises Refused."""
    newest = max((other.keyset.version for other in _keysets(entries)), default=0)
    verify_keyset(signed, here.root, newest_seen=newest)


def recorded_at(signed: SignedDecision, entries: Sequence[Recorded]) -> int | None:
    """The ledger index of exactly this decision, if it already stands there: an order repeated after a power cut."""
    for recorded in entries:
        if isinstance(recorded.entry, DecisionRecorded) and recorded.entry.signed == signed:
            return recorded.index
    return None


def _keysets(entries: Sequence[Recorded]) -> list[SignedKeySet]:
    return [recorded.entry.signed for recorded in entries if isinstance(recorded.entry, KeySetRecorded)]


def _decisions(entries: Sequence[Recorded]) -> list[SignedDecision]:
    return [recorded.entry.signed for recorded in entries if isinstance(recorded.entry, DecisionRecorded)]


def _keyset(entries: Sequence[Recorded], here: Standpoint) -> KeySet:
    seen = _keysets(entries)
    if not seen:
        raise Refused(
            Refusal.KEYSET_MISSING, "no key set of the firm is known here", next_step="connect the agent once"
        )
    return verify_keyset(seen[-1], here.root, newest_seen=max(other.keyset.version for other in seen))


def _newest(gate: Gate, entries: Sequence[Recorded], here: Standpoint) -> Evidence:
    found = [
        recorded.entry.signed.evidence
        for recorded in entries
        if isinstance(recorded.entry, EvidenceRecorded)
        and recorded.entry.signed.evidence.gate is gate
        and recorded.entry.signed.evidence.practice == here.practice
    ]
    if not found:
        raise Refused(
            Refusal.EVIDENCE_MISSING, f"there is no evidence for {gate} to decide on", next_step="wait for the phase"
        )
    return found[-1]
