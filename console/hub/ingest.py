"""From an agent's events to the store: each event once, in order, and only what this agent may say.

Called inside one transaction; the caller acknowledges only after it is durable.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, insert

from console.hub.store import latest, orders, practices
from console.hub.store.tables import events as event_rows
from console.wire import RATE_HISTORY
from protocol.errors import ProtocolViolation, Refused
from protocol.messages import (
    AlarmReport,
    Event,
    EventBody,
    EvidenceReport,
    GateReport,
    OrderResult,
    PhaseProgress,
)
from protocol.statements import verify_evidence
from protocol.vocabulary import Outcome, Refusal, Rule


def take(connection: Connection, agent: practices.Practice, batch: Sequence[Event], now: int) -> int:
    """Stores what is new of `batch`; returns up to which event everything is held. `agent` is as it was at Hello.

    Raises Refused when evidence is not this practice's own or the practice has enrolled another agent since, and
    ProtocolViolation when an event is missing; then nothing of the batch is stored.
    """
    acked = _held(connection, agent)
    for event in batch:
        if event.seq > acked + 1:
            raise ProtocolViolation(Rule.SEQUENCE_GAP)
        if event.seq == acked + 1:
            _store(connection, agent, event, now)
            acked = event.seq
    practices.touch(connection, agent.id, acked=acked, last_heard=now)
    return acked


def _held(connection: Connection, agent: practices.Practice) -> int:
    current = practices.by_id(connection, agent.id)
    if current is None or (current.enrolment, current.agent_key) != (agent.enrolment, agent.agent_key):
        raise Refused(Refusal.WRONG_PRACTICE, "the practice has enrolled another agent")
    return current.acked


def _store(connection: Connection, agent: practices.Practice, event: Event, now: int) -> None:
    if isinstance(event.body, EvidenceReport):
        _demand_own(event.body, agent)
    said = latest.Said(event.seq, now, msgspec.json.encode(event.body).decode())
    row = {"practice": agent.id, "enrolment": agent.enrolment, "seq": event.seq, "kind": kind_of(event.body)}
    connection.execute(insert(event_rows).values(**row, received_at=now, body=said.body))
    if isinstance(event.body, OrderResult):
        orders.settle(connection, agent.id, event.body, now)
    else:
        latest.put(connection, agent.id, topic(event.body), said)
    if isinstance(event.body, PhaseProgress):
        _note_progress(connection, agent.id, event.body, said)


def _demand_own(report: EvidenceReport, agent: practices.Practice) -> None:
    evidence = verify_evidence(report.signed, agent.agent_key or "")
    if evidence.practice != agent.id:
        raise Refused(Refusal.WRONG_PRACTICE, "the evidence is for another practice")


def topic(body: EventBody) -> str:
    """Where a view looks for the newest of its kind: the message's name, for some with the word it is about."""
    match body:
        case EvidenceReport(signed=signed):
            return f"evidence:{signed.evidence.gate}"
        case GateReport(gate=gate):
            return f"gate:{gate}"
        case AlarmReport(alarm=alarm):
            return f"alarm:{alarm}"
        case _:
            return kind_of(body)


def kind_of(body: EventBody) -> str:
    """The name of a kind of event on the wire."""
    return str(type(body).__struct_config__.tag)


def _note_progress(connection: Connection, practice: str, progress: PhaseProgress, said: latest.Said) -> None:
    """Keeps the newest rates for the trend; a phase that ended well has answered the alarms before it."""
    if progress.outcome is Outcome.DONE:
        latest.forget_alarms(connection, practice)
    if progress.images_per_second is not None:
        before = latest.get(connection, practice, "rates")
        rates = msgspec.json.decode(before.body, type=list[float]) if before else []
        kept = [*rates, progress.images_per_second][-RATE_HISTORY:]
        body = msgspec.json.encode(kept).decode()
        latest.put(connection, practice, "rates", latest.Said(said.seq, said.received_at, body))
