"""The only conversation without a certificate: a token and a proof for a certificate and the key set."""

from __future__ import annotations

import asyncio
import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.asyncio.server import ServerConnection

from console.hub.ca import AGENT_SECONDS, Kind, Term
from console.hub.hub import Hub, SentAway
from console.hub.sockets import AgentLine
from console.hub.store import practices
from console.wire import Goodbye
from protocol.enrolment import is_proven
from protocol.fourwords import four_words
from protocol.messages import Enroll, Enrolled, EnrollRefused
from protocol.session import HubSession
from protocol.vocabulary import EnrollRefusal


async def serve_stranger(hub: Hub, socket: ServerConnection) -> None:
    """Answers one Enroll; the conversation is then over."""
    session = HubSession(known=False, now=hub.world.steady())
    line = AgentLine(socket, session, hub.world.steady)
    message = await line.hear_first()
    if not isinstance(message, Enroll):
        raise SentAway(Goodbye.NOT_ENROLLED)
    session.answer(await _enrol(hub, message))
    await line.flush()
    hub.changed.set()


async def _enrol(hub: Hub, enroll: Enroll) -> Enrolled | EnrollRefused:
    if not is_proven(enroll):
        return EnrollRefused(EnrollRefusal.PROOF_INVALID)
    words = await asyncio.to_thread(four_words, bytes.fromhex(enroll.public_key))
    claim = practices.Claim(enroll.practice, enroll.secret, enroll.public_key, words)
    now = hub.world.now
    fault = await hub.writer.run(lambda connection: practices.enrol(connection, claim, now))
    if fault is not None:
        return EnrollRefused(fault)
    keyset = await hub.keyset()
    return Enrolled(_certificate(hub, claim, now), keyset)


def _certificate(hub: Hub, claim: practices.Claim, now: int) -> str:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(claim.public_key))
    term = Term(now, AGENT_SECONDS, hub.world.new_serial())
    certificate = hub.authority.issue_client(Kind.AGENT, claim.practice, key, term)
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")
