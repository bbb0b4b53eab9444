"""The road and the rule of its gates: a pure fold over the ledger's entries. Whatever is not open is closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.entries import DecisionRecorded, Enrolled, Entry, EvidenceRecorded, KeySetRecorded, PhaseBegun, RunOpened
from protocol.errors import Refused
from protocol.judgement import Tally, approvals, expiry, passes
from protocol.keyset import DEFAULT_POLICY, KeySet, Policy
from protocol.statements import SignedDecision, SignedEvidence, statement_digest
from protocol.vocabulary import Gate, GateState, Phase, Refusal, Verdict

# The phases this version can run and the gate that ends each, in their fixed order.
ROAD: tuple[tuple[Phase, Gate], ...] = (
    (Phase.STAGE, Gate.STAGED),
    (Phase.PROVE, Gate.PROFILE_PROVEN),
    (Phase.DRY_RUN, Gate.DRY_RUN),
    (Phase.CONVERT, Gate.CONVERTED),
    (Phase.RECONCILE, Gate.RECONCILED),
)
GATES: tuple[Gate, ...] = tuple(gate for _, gate in ROAD)
NO_PRACTICE: Final = "0" * 32  # what evidence says before the job is enrolled; enrolling voids it

ASK_THE_FIRM: Final = "ask the firm to approve it, at its console or by a file for bitewing-agent approve"
ENROL_FIRST: Final = (
    "nobody can approve before this job is enrolled: ask the firm for a token, run bitewing-agent --job DIR enroll"
    " TOKEN, then bitewing-agent --job DIR run, which takes the road anew from stage"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a gate stands, on which evidence, who approved, and, if it is not open, which rule keeps it closed."""

    gate: Gate
    state: GateState
    needed: int
    evidence: SignedEvidence | None = None
    digest: str | None = None
    approvals: tuple[str, ...] = ()
    refusal: Refusal | None = None
    ledger_index: int = -1


@dataclass
class _GateRecord:
    evidence: SignedEvidence | None = None
    decisions: list[SignedDecision] = field(default_factory=list)
    used: bool = False  # the phase behind this gate has begun on these approvals
    index: int = -1


@dataclass
class Road:
    """What the ledger says, gate by gate. Built by `fold`."""

    opened: RunOpened | None = None
    keyset: KeySet | None = None
    practice: str | None = None
    root: str | None = None
    nonces: set[str] = field(default_factory=set)
    _records: dict[Gate, _GateRecord] = field(default_factory=lambda: {gate: _GateRecord() for gate in GATES})

    def apply(self, index: int, entry: Entry) -> None:
        """One more entry of the ledger, already verified."""
        match entry:
            case RunOpened():
                self.opened = entry
            case Enrolled():
                self.practice, self.root = entry.practice, entry.root
                self._void_from(0)
            case KeySetRecorded():
                self.keyset = entry.signed.keyset
            case EvidenceRecorded():
                self._evidence(index, entry.signed)
            case DecisionRecorded():
                self._decision(index, entry.signed)
            case PhaseBegun():
                self._begun(entry.phase)

    def _evidence(self, index: int, signed: SignedEvidence) -> None:
        """New evidence voids the approvals of its gate and everything that was built on the old."""
        gate = signed.evidence.gate
        self._void_from(GATES.index(gate))
        self._records[gate] = _GateRecord(signed, index=index)

    def _void_from(self, position: int) -> None:
        for gate in GATES[position:]:
            self._records[gate] = _GateRecord()

    def _decision(self, index: int, signed: SignedDecision) -> None:
        record = self._records[signed.decision.gate]
        record.decisions.append(signed)
        record.index = index
        self.nonces.add(signed.decision.nonce)

    def _begun(self, phase: Phase) -> None:
        """Approvals that were valid when the phase began stay good for it: a power cut does not undo them."""
        for earlier in _gates_before(phase):
            self._records[earlier].used = True

    def standings(self, now: int) -> Mapping[Gate, Standing]:
        """Every gate at the time `now` (UTC seconds)."""
        result: dict[Gate, Standing] = {}
        open_so_far = True
        for gate in GATES:
            result[gate] = self._standing(gate, now, open_so_far)
            open_so_far = open_so_far and result[gate].state is GateState.OPEN
        return result

    def require_open_before(self, phase: Phase, now: int) -> None:
        """Returns if every gate before `phase` is open. Raises Refused that names the first that is not."""
        standings = self.standings(now)
        for gate in _gates_before(phase):
            if standings[gate].state is not GateState.OPEN:
                raise _closed(phase, standings[gate])

    def _standing(self, gate: Gate, now: int, earlier_open: bool) -> Standing:
        record, needed = self._records[gate], self.needed(gate)
        if record.evidence is None:
            return Standing(gate, GateState.CLOSED, needed, refusal=Refusal.EVIDENCE_MISSING)
        tally = self._tally(record.evidence, record.decisions, now)
        state, refusal = _failing(record.evidence) or self._judge(record, needed, tally, earlier_open, now)
        digest = statement_digest(record.evidence.evidence)
        return Standing(gate, state, needed, record.evidence, digest, tally.approved, refusal, record.index)

    def _judge(
        self, record: _GateRecord, needed: int, tally: Tally, earlier_open: bool, now: int
    ) -> tuple[GateState, Refusal | None]:
        if self._follows_another_plan(record):
            return GateState.CLOSED, Refusal.EVIDENCE_NOT_NEWEST
        if tally.rejected:
            return GateState.REJECTED, Refusal.DECISION_REJECTED
        if not earlier_open:
            return GateState.CLOSED, Refusal.GATE_CLOSED
        if record.used or len(tally.approved) >= needed:
            return GateState.OPEN, None
        expired = any(expiry(signed.decision, self._policy) <= now for signed in record.decisions)
        return GateState.WAITING, Refusal.DECISION_EXPIRED if expired else Refusal.APPROVALS_MISSING

    def _follows_another_plan(self, record: _GateRecord) -> bool:
        """Whether this is a conversion's evidence, and not of the plan that the dry run's evidence names."""
        approved = self._records[Gate.DRY_RUN].evidence
        if record.evidence is None or record.evidence.evidence.gate is not Gate.CONVERTED or approved is None:
            return False
        return record.evidence.evidence.plan != approved.evidence.plan

    def _tally(self, signed: SignedEvidence, decisions: list[SignedDecision], now: int) -> Tally:
        """Distinct operators whose decisions about this evidence count now."""
        if self.keyset is None or self.opened is None:
            return Tally((), ())
        return approvals(decisions, signed.evidence, self.keyset, now=now, author=self.opened.public_key)

    @property
    def _policy(self) -> Policy:
        return self.keyset.policy if self.keyset else DEFAULT_POLICY

    def needed(self, gate: Gate) -> int:
        """How many distinct people must approve; findings to be accepted always need one at least."""
        evidence = self._records[gate].evidence
        accepting = evidence is not None and any(c.verdict is Verdict.ACCEPT for c in evidence.evidence.checks)
        return max(self._policy.needed(gate), 1 if accepting else 0)

    def evidence(self, gate: Gate) -> SignedEvidence | None:
        """The newest evidence of a gate that later evidence has not voided."""
        record = self._records.get(gate)
        return record.evidence if record else None


def fold(entries: Iterable[tuple[int, Entry]]) -> Road:
    """The road as the entries leave it."""
    road = Road()
    for index, entry in entries:
        road.apply(index, entry)
    return road


def _gates_before(phase: Phase) -> tuple[Gate, ...]:
    position = [step for step, _ in ROAD].index(phase)
    return GATES[:position]


def _failing(signed: SignedEvidence) -> tuple[GateState, Refusal | None] | None:
    try:
        passes(signed.evidence)
    except Refused as refused:
        return GateState.CLOSED, refused.reason
    return None


def how_to_approve(standing: Standing) -> str:
    """How the approvals are had that a gate waits for. Before the job is enrolled there is nobody who could approve."""
    signed = standing.evidence
    return ENROL_FIRST if signed is not None and signed.evidence.practice == NO_PRACTICE else ASK_THE_FIRM


_WHY = {
    Refusal.EVIDENCE_MISSING: ("has no valid evidence yet", "run {phase} first"),
    Refusal.EVIDENCE_FAILED: ("is closed: its evidence did not pass", "settle the findings, then run {phase} again"),
    Refusal.CHECKS_INCOMPLETE: ("is closed: its evidence lacks mandatory checks", "run {phase} again"),
    Refusal.DECISION_REJECTED: ("was rejected by an approver", "settle the reason, then run {phase} again"),
    Refusal.DECISION_EXPIRED: ("waits: an approval has expired", "{approve}"),
    Refusal.APPROVALS_MISSING: ("waits for approvals: {have} of {needed}", "{approve}"),
}


def _closed(phase: Phase, standing: Standing) -> Refused:
    reason = standing.refusal or Refusal.GATE_CLOSED
    what, advice = _WHY.get(reason, ("is closed", "see status"))
    producing = {gate: step for step, gate in ROAD}[standing.gate]
    values = {"phase": producing, "have": len(standing.approvals), "needed": standing.needed}
    values["approve"] = how_to_approve(standing)
    return Refused(
        reason,
        f"{phase} may not start: gate {standing.gate} {what.format(**values)}; nothing was written",
        next_step=advice.format(**values),
    )
