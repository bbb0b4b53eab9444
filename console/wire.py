"""What an operator's console and the hub say to each other: frozen, tagged, bounded.

Text is allowed here and only here: practice codes and operators' names are the firm's own. Nothing from a practice
adds text: what an agent said travels inside as the same closed values in which it arrived.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec

from protocol.errors import ProtocolViolation
from protocol.keyset import Policy
from protocol.messages import PhaseProgress
from protocol.statements import FindingCounts, SignedDecision, SignedEvidence
from protocol.values import Approvals, Digest, Id, Number, PublicKey, Rate, Sequence, Timestamp, Value, Version
from protocol.vocabulary import Alarm, DecisionVerdict, Gate, GateState, Refusal, Role, Rule

PracticeCode = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9]{0,15}(-[A-Z0-9]{1,8})?\Z", max_length=25)]
"""The firm's short name for a practice, such as ALDER-7: what an operator types to approve."""

OperatorName = Annotated[str, msgspec.Meta(pattern=r"\A\w[\w .'-]{0,39}\Z", max_length=40)]
"""The firm's name for one of its own people; one line, no markup."""

HourOfDay = Annotated[str, msgspec.Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z", max_length=5)]
"""When a practice opens, by its own clock."""

Word = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{3,9}\Z", max_length=9)]
FourWords = tuple[Word, Word, Word, Word]
"""The spoken code of the agent's key; see protocol.fourwords."""

OPERATOR_FRAME_BYTES = 64 * 1024
"""The most an operator may send in one frame: a signed decision is under 2 KiB."""

HUB_FRAME_BYTES = 32 * 1024 * 1024
"""The most the hub sends an operator in one frame: a fleet of 2,000 practices with all their evidence."""

RATE_HISTORY = 60
"""Rates kept for one practice's trend."""


class Verb(StrEnum):
    """What an admin may tell an agent to do, beside decisions."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class Goodbye(StrEnum):
    """Why the hub closed a connection (close code 1008), beside the protocol's own rules."""

    NOT_ENROLLED = "not-enrolled"  # the practice has another agent, or none
    OPERATOR_UNKNOWN = "operator-unknown"  # not in the key set, revoked, or with another certificate
    CERTIFICATE_EXPIRED = "certificate-expired"
    SUPERSEDED = "superseded"  # the same agent connected again


class Watch(Value, frozen=True, tag="watch", tag_field="type"):
    """Send me the fleet now, and every practice when it changes."""


class Submit(Value, frozen=True, tag="submit", tag_field="type"):
    """Here is a decision; `request` names the answer."""

    request: Id
    signed: SignedDecision


class Command(Value, frozen=True, tag="command", tag_field="type"):
    """Tell the agent of `practice` to pause, resume or stop."""

    request: Id
    practice: Id
    verb: Verb


class ApprovalView(Value, frozen=True):
    """One decision as the hub knows it. Only `applied_at` means that the agent has written it into its ledger.

    `decision` is the digest that names the signed decision, `evidence` that of what it is about.
    """

    decision: Digest
    operator: Id
    verdict: DecisionVerdict
    evidence: Digest
    submitted_at: Timestamp
    expires_at: Timestamp
    delivered_at: Timestamp | None = None
    applied_at: Timestamp | None = None
    refusal: Refusal | None = None
    ledger: Sequence | None = None


class GateView(Value, frozen=True):
    """A gate as the agent last reported it, with the newest evidence and what was decided about it.

    `state`, `approved` and `needed` are the agent's word, from its ledger; `approvals` is what the hub passed on.
    """

    gate: Gate
    state: GateState
    evidence: SignedEvidence | None = None
    evidence_digest: Digest | None = None
    received_at: Timestamp | None = None
    approvals: Annotated[tuple[ApprovalView, ...], msgspec.Meta(max_length=256)] = ()
    approved: Approvals = 0
    needed: Approvals = 0


class PracticeView(Value, frozen=True):
    """All an operator may know of a practice. `opens` is its local hour; `agent_key` checks evidence signatures."""

    id: Id
    code: PracticeCode
    opens: HourOfDay | None = None
    connected: bool = False
    last_heard: Timestamp | None = None
    agent_version: Version | None = None
    agent_key: PublicKey | None = None
    sas: FourWords | None = None
    run: Id | None = None
    progress: PhaseProgress | None = None
    progress_at: Timestamp | None = None
    rate_history: Annotated[tuple[Rate, ...], msgspec.Meta(max_length=RATE_HISTORY)] = ()
    findings: FindingCounts = ()
    gates: Annotated[tuple[GateView, ...], msgspec.Meta(max_length=len(Gate))] = ()
    alarms: Annotated[tuple[Alarm, ...], msgspec.Meta(max_length=len(Alarm))] = ()
    paused: bool = False


class OperatorView(Value, frozen=True):
    """Who an operator id is."""

    id: Id
    name: OperatorName
    role: Role


class FleetView(Value, frozen=True, tag="fleet", tag_field="type"):
    """Everything an operator may see at `at`; the answer to Watch."""

    at: Timestamp
    practices: Annotated[tuple[PracticeView, ...], msgspec.Meta(max_length=10_000)]
    operators: Annotated[tuple[OperatorView, ...], msgspec.Meta(max_length=64)]
    keyset_version: Number
    policy: Policy


class Changed(Value, frozen=True, tag="changed", tag_field="type"):
    """One practice as it now is."""

    practice: PracticeView


class Submitted(Value, frozen=True, tag="submitted", tag_field="type"):
    """The hub's answer to Submit and Command: queued for the agent, or why not."""

    request: Id
    refusal: Refusal | None = None


FromOperator = Watch | Submit | Command
FromHub = FleetView | Changed | Submitted

_M = TypeVar("_M")
_encoder = msgspec.json.Encoder(order="deterministic")
_from_operator: msgspec.json.Decoder[FromOperator] = msgspec.json.Decoder(FromOperator, strict=True)
_from_hub: msgspec.json.Decoder[FromHub] = msgspec.json.Decoder(FromHub, strict=True)


def encode(message: FromOperator | FromHub) -> str:
    """One JSON text frame."""
    return _encoder.encode(message).decode()


def decode_from_operator(frame: bytes) -> FromOperator:
    """What an operator said; raises ProtocolViolation for anything else, without quoting it."""
    return _decode(_from_operator, frame, OPERATOR_FRAME_BYTES)


def decode_from_hub(frame: bytes) -> FromHub:
    """What the hub said; raises ProtocolViolation for anything else, without quoting it."""
    return _decode(_from_hub, frame, HUB_FRAME_BYTES)


def _decode(decoder: msgspec.json.Decoder[_M], frame: bytes, limit: int) -> _M:
    if len(frame) > limit:
        raise ProtocolViolation(Rule.FRAME_TOO_LARGE)
    try:
        return decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError):
        raise ProtocolViolation(Rule.OUTSIDE_LANGUAGE) from None
