"""Why a connection failed, and how patient to be about it: our own judgement, because the library's differs.

The library retries a wrong certificate for ever and takes "too many requests" for the end. Here nothing is the end:
what a person must mend is tried again rarely and said aloud, what mends itself is tried again soon.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from enum import StrEnum

from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, ProxyError
from websockets.frames import CloseCode

from agent.pace import HESITANT, REFUSED, RETRY, Pace
from protocol.errors import EnvironmentProblem, ProtocolViolation


class Failure(StrEnum):
    """Why there is no connection."""

    UNREACHABLE = "unreachable"  # no network, no name, nobody listens, cut
    HUB_UNTRUSTED = "hub-untrusted"  # the other end has no certificate of the firm
    NOT_ACCEPTED = "not-accepted"  # the hub refuses this agent's certificate
    HUNG_UP = "hung-up"  # the other end closes before it has said a word
    SENT_AWAY = "sent-away"  # the hub ends the conversation with us on purpose
    PROXY = "proxy"  # the proxy named in agent.json does not let us through
    BUSY = "busy"  # the hub asks for patience
    HUB_REFUSES = "hub-refuses"  # an answer that is no websocket
    PROTOCOL = "protocol"  # the hub said something outside the language, or of another version
    LOCAL = "local"  # the outbox or the egress log cannot be written


_PACES = {
    Failure.UNREACHABLE: RETRY,
    Failure.BUSY: RETRY,
    Failure.LOCAL: RETRY,
    Failure.HUNG_UP: HESITANT,
    Failure.SENT_AWAY: HESITANT,
}

WHAT_TO_DO = {
    Failure.UNREACHABLE: "the hub cannot be reached; it is tried again by itself; check network and firewall",
    Failure.HUB_UNTRUSTED: "the other end is not the firm's hub: look for a device that opens TLS, check the address",
    Failure.NOT_ACCEPTED: "the hub refuses this certificate (expired or revoked): enroll again with a new token",
    Failure.HUNG_UP: "the other end hangs up at once: the hub may be starting, a device may stand between, or this "
    "agent's certificate may be revoked",
    Failure.SENT_AWAY: "the hub sends this agent away: its certificate may be out of date (enroll again), or a second "
    "agent uses the same identity",
    Failure.PROXY: "the proxy in agent.json does not let us through: correct it, or allow the hub's address",
    Failure.BUSY: "the hub asks for patience; it is tried again by itself",
    Failure.HUB_REFUSES: "something answers that is not the hub: check the hub address",
    Failure.PROTOCOL: "hub and agent do not understand each other: compare their versions",
    Failure.LOCAL: "the agent's own files cannot be written: check free space and permissions of the job folder",
}

_PATIENCE = {408, 425, 429, 500, 502, 503, 504}
_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")
_CUT_OFF = {"", "APPLICATION_DATA_AFTER_CLOSE_NOTIFY", "UNEXPECTED_EOF_WHILE_READING"}

# The first kind that is found among an error and its causes decides.
_KINDS: tuple[tuple[type[BaseException], Failure], ...] = (
    (ProtocolViolation, Failure.PROTOCOL),
    (EnvironmentProblem, Failure.LOCAL),
    (ProxyError, Failure.PROXY),
    (ConnectionClosed, Failure.UNREACHABLE),
    (InvalidMessage, Failure.HUNG_UP),
    (ConnectionResetError, Failure.HUNG_UP),
)


def pace_of(failure: Failure) -> Pace:
    """How patient to be."""
    return _PACES.get(failure, REFUSED)


def classify(error: BaseException) -> Failure:
    """What went wrong, from an error and what caused it."""
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, InvalidStatus):
            return Failure.BUSY if cause.response.status_code in _PATIENCE else Failure.HUB_REFUSES
        if isinstance(cause, ConnectionClosed) and cause.rcvd and cause.rcvd.code == CloseCode.POLICY_VIOLATION:
            return Failure.SENT_AWAY
        if isinstance(cause, ssl.SSLError) and (found := _tls(cause)):
            return found
    for kind, failure in _KINDS:
        if any(isinstance(cause, kind) for cause in causes):
            return failure
    return Failure.UNREACHABLE


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting.extend(cause for cause in (current.__cause__, current.__context__) if cause is not None)


def _tls(error: ssl.SSLError) -> Failure | None:
    """An alert about certificates is the hub's refusal of ours; other TLS trouble means that no hub is there."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure.HUB_UNTRUSTED
    reason = (error.reason or "").upper()
    if "ALERT" in reason and any(word in reason for word in _ALERTS):
        return Failure.NOT_ACCEPTED
    return None if reason in _CUT_OFF else Failure.HUB_UNTRUSTED
