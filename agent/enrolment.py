"""Joining a hub: the token in, a certificate and the firm's key set out. Everything checked before anything is kept."""

from __future__ import annotations

import base64
import binascii
import ssl
from dataclasses import dataclass

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.exceptions import WebSocketException

from agent import boundary
from agent.egress import EgressLog
from agent.failures import WHAT_TO_DO, Failure, classify
from agent.home import Enrolment, Home, HubUrl, write_enrolment
from agent.identity import key_of
from agent.link import Address, open_connection, tls_context
from agent.supervisor import Clocks
from engine.identity import write_private
from engine.ledger import Ledger
from protocol.errors import BitewingError, EnvironmentProblem, ProtocolViolation, UsageProblem
from protocol.keyset import verify_keyset
from protocol.messages import Enrolled, EnrollRefused
from protocol.session import AgentSession
from protocol.signing import Signer
from protocol.values import Id, PublicKey, Secret, Timestamp, Value
from protocol.vocabulary import EnrollRefusal, ExitCode

_MOST_TOKEN_BYTES = 8192
_ASK_AGAIN = "the hub cannot be reached: check network and firewall, then enroll again, or ask for a new token"


class Token(Value, frozen=True):
    """What the firm hands over: where the hub is, its authority (PEM), the root key, and a secret used once."""

    hub: HubUrl
    practice: Id
    secret: Secret
    ca: str
    root: PublicKey
    expires: Timestamp


class EnrolmentRefused(BitewingError):
    """The hub said no; `reason` says why."""

    exit_code = ExitCode.REFUSED

    def __init__(self, reason: EnrollRefusal) -> None:
        self.reason = reason
        super().__init__(f"the hub refused the token: {reason}", next_step="ask the firm for a new token, use it once")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a successful exchange gave; nothing of it is kept yet."""

    token: Token
    enrolled: Enrolled


def read_token(text: str, now: int) -> Token:
    """The token in its one line of base64url. Raises UsageProblem if it is garbage, or expired at `now` (UTC s)."""
    try:
        if len(text) > _MOST_TOKEN_BYTES:
            raise ValueError
        raw = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
        token = msgspec.json.decode(raw, type=Token)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise UsageProblem(
            "this is not an enrolment token", next_step="copy the whole line that the firm sent"
        ) from None
    if now >= token.expires:
        raise UsageProblem(
            f"the token expired {now - token.expires} s ago",
            next_step="ask the firm for a new one; if it is new, set this computer's clock",
        )
    return token


async def exchange(
    token: Token, proxy: str | None, home: Home, signer: Signer, egress: EgressLog, clocks: Clocks
) -> Answer:
    """Ask the hub for a certificate for `signer`'s key. Raises EnrolmentRefused, EnvironmentProblem."""
    address = Address(token.hub, _tls(token, home), proxy, token.expires)
    session = AgentSession(acked=0, last=0, now=clocks.monotonic())
    session.enroll(boundary.enroll(token.practice, token.secret, signer))
    try:
        async with open_connection(address) as socket:
            for frame in session.data_to_send():
                boundary.inspect(frame)
                egress.record(frame, clocks.utc())
                await socket.send(frame, text=True)
            reply = await socket.recv(decode=True)
            messages = session.data_received(reply.encode(), clocks.monotonic())
    except (OSError, WebSocketException, ProtocolViolation) as error:
        failure = classify(error)
        advice = _ASK_AGAIN if failure is Failure.UNREACHABLE else WHAT_TO_DO[failure]
        raise EnvironmentProblem("not enrolled: no hub answered", where=token.hub, next_step=advice) from error
    return _checked(token, messages[0], signer)


def _tls(token: Token, home: Home) -> ssl.SSLContext:
    try:
        return tls_context(token.ca, None, home.identity)
    except UsageProblem as problem:
        advice = "copy the whole line that the firm sent"
        raise UsageProblem("the token is damaged: it holds no authority", next_step=advice) from problem


def _checked(token: Token, message: object, signer: Signer) -> Answer:
    if isinstance(message, EnrollRefused):
        raise EnrolmentRefused(message.reason)
    if not isinstance(message, Enrolled):
        raise ProtocolViolation("enrolment-answer")
    verify_keyset(message.keyset, token.root, newest_seen=0)
    if _public_key(message.certificate) != signer.public_key:
        raise ProtocolViolation("certificate-of-another-key")
    return Answer(token, message)


def _public_key(certificate: str) -> str:
    try:
        return key_of(x509.load_der_x509_certificate(base64.b64decode(certificate)))
    except ValueError:
        raise ProtocolViolation("certificate-malformed") from None


def keep(answer: Answer, proxy: str | None, home: Home, ledger: Ledger) -> None:
    """Pin practice and root in the ledger, keep the certificate. Interrupted, doing it again completes it."""
    token, enrolled = answer.token, answer.enrolled
    certificate = x509.load_der_x509_certificate(base64.b64decode(enrolled.certificate))
    write_private(home.authority, token.ca.encode("ascii"))
    write_private(home.certificate, certificate.public_bytes(Encoding.PEM))
    ledger.enroll(token.practice, token.root)
    ledger.record_keyset(enrolled.keyset)
    write_enrolment(home, Enrolment(token.hub, token.practice, token.root, proxy))
