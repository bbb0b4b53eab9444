"""The closed language between a practice and the hub. A message that is not one of these does not exist.

Every field is a bool, a bounded number, a word of the vocabulary, an opaque id, a blinded digest, a key or
signature, a process time or a version. No field can hold a text, a name, a path or a date from a record.
`tests/protocol/test_language.py` proves that, and counts the bits each message can carry.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from protocol import limits
from protocol.keyset import SignedKeySet
from protocol.predicates import FindingCounts, in_code_order
from protocol.signed import SignedDecision, SignedEvidence
from protocol.signing import Signature
from protocol.values import (
    Approvals,
    ByteCount,
    Certificate,
    Count,
    Digest,
    Id,
    Number,
    ProtocolVersion,
    PublicKey,
    Rate,
    Seconds,
    Secret,
    Sequence,
    Timestamp,
    Value,
    Version,
    set_grain,
)
from protocol.vocabulary import (
    Alarm,
    EnrollRefusal,
    Gate,
    GateState,
    Outcome,
    Phase,
    PhaseState,
    Refusal,
)


class PhaseProgress(Value, frozen=True, tag="phase-progress", tag_field="type"):
    """How far a phase is. Rates are images per second; times left are seconds, as a range; None while unknown.

    `outcome` is set once the phase has ended.
    """

    phase: Phase
    patients_done: Count
    patients_total: Count
    images_done: Count
    images_total: Count
    bytes_done: ByteCount
    images_per_second: Rate | None
    seconds_left_low: Seconds | None
    seconds_left_high: Seconds | None
    state: PhaseState
    outcome: Outcome | None

    def __post_init__(self) -> None:
        set_grain(self, "images_per_second", "seconds_left_low", "seconds_left_high")


class EvidenceReport(Value, frozen=True, tag="evidence-report", tag_field="type"):
    """Evidence that now stands in the practice's ledger."""

    signed: SignedEvidence


class GateReport(Value, frozen=True, tag="gate-report", tag_field="type"):
    """Where a gate stands by the practice's own ledger: the only word on whether it is open.

    `evidence` is the newest evidence's digest, `approvals` the distinct people whose approval of it counts,
    `ledger` the ledger index up to which this was judged.
    """

    gate: Gate
    state: GateState
    evidence: Digest | None
    approvals: Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_OPERATORS)]
    needed: Approvals
    ledger: Sequence | None


class FindingsReport(Value, frozen=True, tag="findings-report", tag_field="type"):
    """How often each code was found so far in a phase."""

    phase: Phase
    counts: FindingCounts

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "counts", in_code_order(self.counts))


class Heartbeat(Value, frozen=True, tag="heartbeat", tag_field="type"):
    """The agent lives. `phase` is the one that runs, None between phases."""

    phase: Phase | None
    paused: bool


class AlarmReport(Value, frozen=True, tag="alarm-report", tag_field="type"):
    """Something that a person should look at."""

    alarm: Alarm


class OrderResult(Value, frozen=True, tag="order-result", tag_field="type"):
    """What became of an order. `ledger` is the index of the entry it left in the gate ledger, if it left one."""

    order: Id
    outcome: Outcome
    refusal: Refusal | None
    ledger: Sequence | None


EventBody = PhaseProgress | EvidenceReport | GateReport | FindingsReport | Heartbeat | AlarmReport | OrderResult


class Hello(Value, frozen=True, tag="hello", tag_field="type"):
    """The agent's first word on a connection. Who it is, its certificate says.

    `versions` are the protocol versions it speaks, `last_order` the newest order it has durably taken,
    `join_sequence` counts its connections, `keyset_version` is the key set in force (0: none).
    """

    versions: Annotated[
        tuple[ProtocolVersion, ...], msgspec.Meta(min_length=1, max_length=limits.MAX_PROTOCOL_VERSIONS)
    ]
    agent_version: Version
    last_order: Id | None
    join_sequence: Sequence
    keyset_version: Number

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "versions", tuple(sorted(set(self.versions), reverse=True)))


class Event(Value, frozen=True, tag="event", tag_field="type"):
    """Something that happened, numbered from 1 without gaps. The agent keeps it until an Ack covers `seq`."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_SEQUENCE)]
    at: Timestamp
    body: EventBody


class Enroll(Value, frozen=True, tag="enroll", tag_field="type"):
    """The only message before a certificate exists: the token's secret, the agent's own key, and proof of holding it.

    `proof` signs practice, secret and key; see `protocol.enrolment`.
    """

    practice: Id
    secret: Secret
    public_key: PublicKey
    proof: Signature


AgentMessage = Hello | Event | Enroll


class Welcome(Value, frozen=True, tag="welcome", tag_field="type"):
    """The hub's answer to Hello. `acked` is the newest event it holds durably: the agent resumes after it."""

    version: ProtocolVersion
    acked: Sequence
    keyset_version: Number


class Ack(Value, frozen=True, tag="ack", tag_field="type"):
    """The hub holds every event up to and including `seq`. Cumulative."""

    seq: Sequence


class DecisionOrder(Value, frozen=True, tag="decision-order", tag_field="type"):
    """An operator's signed decision, for the agent and the ledger to judge."""

    signed: SignedDecision


class Pause(Value, frozen=True, tag="pause", tag_field="type"):
    """Hold the running phase at the next patient."""


class Resume(Value, frozen=True, tag="resume", tag_field="type"):
    """Go on, or try the road again after a phase that said no."""


class Stop(Value, frozen=True, tag="stop", tag_field="type"):
    """End the running phase at the next patient; nothing is left half done."""


class KeySetOrder(Value, frozen=True, tag="keyset-order", tag_field="type"):
    """A key set signed by the firm's root, for the agent and the ledger to judge."""

    signed: SignedKeySet


OrderBody = DecisionOrder | Pause | Resume | Stop | KeySetOrder


class Order(Value, frozen=True, tag="order", tag_field="type"):
    """Something to do. The closed set of bodies has no shell, path, SQL, address or text."""

    id: Id
    body: OrderBody


class Enrolled(Value, frozen=True, tag="enrolled", tag_field="type"):
    """The certificate for the key that was enrolled, and the key set in force."""

    certificate: Certificate
    keyset: SignedKeySet


class EnrollRefused(Value, frozen=True, tag="enroll-refused", tag_field="type"):
    """The hub refused the token or the proof."""

    reason: EnrollRefusal


HubMessage = Welcome | Ack | Order | Enrolled | EnrollRefused
