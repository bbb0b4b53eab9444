"""From what the store holds to what an operator sees: a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from console import wire
from console.hub.store.latest import Said, Topics
from console.hub.store.orders import Submission
from console.hub.store.practices import Practice
from protocol.messages import AlarmReport, EvidenceReport, FindingsReport, GateReport, Heartbeat, PhaseProgress
from protocol.statements import FindingCount, SignedEvidence, statement_digest
from protocol.vocabulary import Alarm, Gate, GateState, PhaseState

_T = TypeVar("_T")
_APPROVALS_SHOWN = 256


@dataclass(frozen=True, slots=True)
class Facts:
    """All the store holds that a view of one practice needs."""

    practice: Practice
    topics: Topics
    submissions: tuple[Submission, ...]


def practice_view(facts: Facts, *, connected: bool) -> wire.PracticeView:
    """The practice as every operator may see it."""
    practice, topics = facts.practice, facts.topics
    progress = _read(topics.get("phase-progress"), PhaseProgress)
    return wire.PracticeView(
        id=practice.id,
        code=practice.code,
        opens=practice.opens,
        connected=connected,
        last_heard=practice.last_heard,
        agent_version=practice.agent_version,
        agent_key=practice.agent_key,
        sas=_four(practice.words),
        run=_run(topics),
        progress=progress,
        progress_at=topics["phase-progress"].received_at if progress else None,
        rate_history=_rates(topics),
        findings=_findings(topics),
        gates=tuple(_gate_view(gate, facts) for gate in Gate if _is_known(gate, topics)),
        alarms=_alarms(topics),
        paused=_is_paused(topics),
    )


def _is_known(gate: Gate, topics: Topics) -> bool:
    return f"gate:{gate}" in topics or f"evidence:{gate}" in topics


def _gate_view(gate: Gate, facts: Facts) -> wire.GateView:
    said = facts.topics.get(f"evidence:{gate}")
    signed = newest_evidence(facts.topics, gate)
    report = _read(facts.topics.get(f"gate:{gate}"), GateReport)
    decided = tuple(_approval(one) for one in facts.submissions if one.gate is gate)
    return wire.GateView(
        gate=gate,
        state=report.state if report else GateState.CLOSED,
        evidence=signed,
        evidence_digest=statement_digest(signed.evidence) if signed else None,
        received_at=said.received_at if said else None,
        approvals=decided[-_APPROVALS_SHOWN:],
        approved=report.approvals if report else 0,
        needed=report.needed if report else 0,
    )


def newest_evidence(topics: Topics, gate: Gate) -> SignedEvidence | None:
    """The newest evidence for a gate."""
    report = _read(topics.get(f"evidence:{gate}"), EvidenceReport)
    return report.signed if report else None


def _approval(one: Submission) -> wire.ApprovalView:
    return wire.ApprovalView(
        decision=one.decision,
        operator=one.operator,
        verdict=one.verdict,
        evidence=one.evidence,
        submitted_at=one.submitted_at,
        expires_at=one.expires_at,
        delivered_at=one.delivered_at,
        applied_at=one.applied_at,
        refusal=one.refusal,
        ledger=one.ledger,
    )


def _run(topics: Topics) -> str | None:
    known = [said for name, said in topics.items() if name.startswith("evidence:")]
    newest = _read(max(known, key=lambda said: said.seq, default=None), EvidenceReport)
    return newest.signed.evidence.run if newest else None


def _rates(topics: Topics) -> tuple[float, ...]:
    return tuple(_read(topics.get("rates"), list[float]) or ())


def _findings(topics: Topics) -> tuple[FindingCount, ...]:
    report = _read(topics.get("findings-report"), FindingsReport)
    return report.counts if report else ()


def _alarms(topics: Topics) -> tuple[Alarm, ...]:
    reports = [_read(said, AlarmReport) for name, said in topics.items() if name.startswith("alarm:")]
    raised = {report.alarm for report in reports if report}
    return tuple(alarm for alarm in Alarm if alarm in raised)


def _is_paused(topics: Topics) -> bool:
    """By whichever the agent said last: a heartbeat or progress."""
    beat, progress = topics.get("heartbeat"), topics.get("phase-progress")
    if beat is not None and (progress is None or beat.seq > progress.seq):
        return msgspec.json.decode(beat.body, type=Heartbeat).paused
    newest = _read(progress, PhaseProgress)
    return newest is not None and newest.state is PhaseState.PAUSED


def _four(words: tuple[str, ...]) -> tuple[str, str, str, str] | None:
    return (words[0], words[1], words[2], words[3]) if len(words) == 4 else None


def _read(said: Said | None, kind: type[_T]) -> _T | None:
    return None if said is None else msgspec.json.decode(said.body, type=kind)
