"""The one door out: engine events and ledger entries become messages of the closed language, or nothing.

No other module of the agent builds a message. Each is encoded, strictly decoded and encoded again; unless the bytes
are equal, it does not exist, and in its place an alarm (a code) goes out. Nothing about what was refused is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from agent import log
from engine.events import Event as EngineEvent
from engine.events import EvidenceProduced, Finding, FindingsCounted, PhaseEnded, PhaseStarted, Progress
from engine.gates import Standing
from engine.version import ENGINE_VERSION
from protocol import limits
from protocol.codec import decode_from_agent, guard
from protocol.enrolment import make_enroll
from protocol.messages import (
    AlarmReport,
    Enroll,
    Event,
    EventBody,
    EvidenceReport,
    FindingsReport,
    GateReport,
    Heartbeat,
    Hello,
    OrderResult,
    PhaseProgress,
)
from protocol.session import VERSIONS
from protocol.signing import Signer
from protocol.statements import FindingCount, SignedEvidence
from protocol.values import canonical
from protocol.vocabulary import Alarm, Outcome, Phase, PhaseState, Refusal

_body: msgspec.json.Decoder[EventBody] = msgspec.json.Decoder(EventBody)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One body, ready for the outbox. Of waiting bodies with the same slot only the newest matters."""

    body: bytes
    slot: str | None = None


def no_progress(phase: Phase) -> Progress:
    """A phase of which nothing is known yet."""
    return Progress(phase, 0, 0, 0, 0, 0, None, None, None)


def of_event(event: EngineEvent | Finding, last: Progress) -> tuple[Outgoing, ...]:
    """What leaves of an engine event; `last` is how far its phase was. Evidence leaves by way of the ledger only."""
    match event:
        case PhaseStarted():
            return (_progress(no_progress(event.phase), PhaseState.RUNNING, None),)
        case Progress():
            return (_progress(event, PhaseState.PAUSED if event.paused else PhaseState.RUNNING, None),)
        case FindingsCounted():
            return (_guarded(lambda: FindingsReport(event.phase, _counts(event)), f"findings:{event.phase}"),)
        case PhaseEnded():
            return (ended(last, event.outcome),)
        case Finding() | EvidenceProduced():
            return ()


def ended(last: Progress, outcome: Outcome) -> Outgoing:
    """A phase's process ended, however far it came."""
    return _progress(last, PhaseState.ENDED, outcome)


def evidence(signed: SignedEvidence) -> Outgoing:
    """Evidence that stands in the ledger."""
    return _guarded(lambda: EvidenceReport(signed))


def gate(standing: Standing) -> Outgoing:
    """Where a gate stands by the ledger."""
    return _guarded(
        lambda: GateReport(
            standing.gate,
            standing.state,
            standing.digest,
            len(standing.approvals),
            standing.needed,
            standing.ledger_index if standing.ledger_index >= 0 else None,
        )
    )


def heartbeat(phase: Phase | None, paused: bool) -> Outgoing:
    """The agent lives."""
    return _guarded(lambda: Heartbeat(phase, paused), "heartbeat")


def alarm(code: Alarm) -> Outgoing:
    """A person should look."""
    return _guarded(lambda: AlarmReport(code), f"alarm:{code}")


def result(order: str, outcome: Outcome, refusal: Refusal | None, index: int | None) -> Outgoing:
    """What became of an order."""
    return _guarded(lambda: OrderResult(order, outcome, refusal, index))


def enroll(practice: str, secret: str, signer: Signer) -> Enroll:
    """What asks for a certificate, before there is one."""
    return make_enroll(practice, secret, signer)


def hello(last_order: str | None, join_sequence: int, keyset_version: int) -> Hello:
    """The first word on a connection."""
    return Hello(VERSIONS, ENGINE_VERSION, last_order, join_sequence, keyset_version)


def event(seq: int, at: int, body: bytes) -> Event:
    """A numbered event from the outbox. If the file was tampered with, its number carries an alarm instead."""
    at = min(max(at, limits.EARLIEST), limits.LATEST)  # a practice's clock may be off by decades
    try:
        return Event(seq, at, _body.decode(body))
    except (msgspec.MsgspecError, ValueError):
        return Event(seq, at, AlarmReport(Alarm.EGRESS_REFUSED))


def inspect(frame: bytes) -> None:
    """The last look at a frame before it is sent. Raises ProtocolViolation unless it is exactly one of our messages."""
    decode_from_agent(frame)


def _progress(event: Progress, state: PhaseState, outcome: Outcome | None) -> Outgoing:
    def build() -> PhaseProgress:
        return PhaseProgress(
            event.phase,
            event.patients_done,
            event.patients_total,
            event.images_done,
            event.images_total,
            event.bytes_done,
            _at_most(event.images_per_second, limits.MAX_RATE),
            _at_most(event.seconds_left_low, limits.MAX_SECONDS),
            _at_most(event.seconds_left_high, limits.MAX_SECONDS),
            state,
            outcome,
        )

    return _guarded(build, f"progress:{event.phase}")


def _counts(event: FindingsCounted) -> tuple[FindingCount, ...]:
    return tuple(FindingCount(code, count) for code, count in event.counts.items())


def _at_most(number: float | None, limit: float) -> float | None:
    return None if number is None else min(number, limit)


def _guarded(build: Callable[[], EventBody], slot: str | None = None) -> Outgoing:
    try:
        body = build()
        guard(Event(1, limits.EARLIEST, body))
        return Outgoing(canonical(body), slot)
    except Exception:  # whatever is wrong with it stays here: an error may quote the value
        log.tell(Alarm.EGRESS_REFUSED)
        return alarm(Alarm.EGRESS_REFUSED)
