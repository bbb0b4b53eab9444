"""Why a connection failed, and how patient to be about it: our own judgement, because the library's differs.

The library retries a wrong certificate for ever and takes "too many requests" for the end. Here nothing is the end:
what a person must mend is tried again rarely and said aloud, what mends itself is tried again soon.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from enum import StrEnum

from websockets.exceptions import InvalidStatus, ProxyError

from agent.pace import REFUSED, RETRY, Pace
from protocol.errors import EnvironmentProblem, ProtocolViolation


class Failure(StrEnum):
    """Why there is no connection."""

    UNREACHABLE = "unreachable"  # no network, no name, nobody listens, cut
    HUB_UNTRUSTED = "hub-untrusted"  # the other end has no certificate of the firm
    NOT_ACCEPTED = "not-accepted"  # the hub refuses this agent's certificate
    PROXY = "proxy"  # the proxy named in agent.json does not let us through
    BUSY = "busy"  # the hub asks for patience
    HUB_REFUSES = "hub-refuses"  # an answer that is no websocket
    PROTOCOL = "protocol"  # the hub said something outside the language, or of another version
    LOCAL = "local"  # the outbox or the egress log cannot be written


_PACES = {
    Failure.UNREACHABLE: RETRY,
    Failure.BUSY: RETRY,
    Failure.LOCAL: RETRY,
}

WHAT_TO_DO = {
    Failure.UNREACHABLE: "the hub cannot be reached; it is tried again by itself; check network and firewall",
    Failure.HUB_UNTRUSTED: "the other end is not the firm's hub: look for a device that opens TLS, check the address",
    Failure.NOT_ACCEPTED: "the hub refuses this certificate (expired or revoked): enroll again with a new token",
    Failure.PROXY: "the proxy in agent.json does not let us through: correct it, or allow the hub's address",
    Failure.BUSY: "the hub asks for patience; it is tried again by itself",
    Failure.HUB_REFUSES: "something answers that is not the hub: check the hub address",
    Failure.PROTOCOL: "hub and agent do not understand each other: compare their versions",
    Failure.LOCAL: "the agent's own files cannot be written: check free space and permissions of the job folder",
}

_PATIENCE = {408, 425, 429, 500, 502, 503, 504}
_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE")


def pace_of(failure: Failure) -> Pace:
    """How patient to be."""
    return _PACES.get(failure, REFUSED)


def classify(error: BaseException) -> Failure:
    """What went wrong, from an error and what caused it."""
    for cause in _causes(error):
        found = _classify_one(cause)
        if found is not None:
            return found
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


_KINDS: tuple[tuple[type[BaseException], Failure], ...] = (
    (ProtocolViolation, Failure.PROTOCOL),
    (EnvironmentProblem, Failure.LOCAL),
    (ProxyError, Failure.PROXY),
    (ssl.SSLCertVerificationError, Failure.HUB_UNTRUSTED),
)


def _classify_one(error: BaseException) -> Failure | None:
    if isinstance(error, InvalidStatus):
        return Failure.BUSY if error.response.status_code in _PATIENCE else Failure.HUB_REFUSES
    for kind, failure in _KINDS:
        if isinstance(error, kind):
            return failure
    return _tls(error) if isinstance(error, ssl.SSLError) else None


def _tls(error: ssl.SSLError) -> Failure | None:
    """An alert is the hub's refusal of us; anything else at the handshake means that no hub of ours is there."""
    reason = (error.reason or "").upper()
    if "ALERT" in reason and any(word in reason for word in _ALERTS):
        return Failure.NOT_ACCEPTED
    if reason in ("", "APPLICATION_DATA_AFTER_CLOSE_NOTIFY", "UNEXPECTED_EOF_WHILE_READING"):
        return None
    return Failure.HUB_UNTRUSTED
