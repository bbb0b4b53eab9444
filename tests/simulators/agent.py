"""An agent in the test's own process: `AgentSession` over a real TLS 1.3 websocket, and an outbox that outlives it."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from websockets.asyncio.client import ClientConnection, connect

from protocol.enrolment import make_enroll
from protocol.messages import Enrolled, EnrollRefused, Event, EventBody, Hello, HubMessage, Order, OrderResult
from protocol.session import AgentSession
from protocol.signing import Signer
from protocol.vocabulary import Outcome, Refusal


def tls(
    ca: str, folder: Path, certificate: bytes | None = None, key: Ed25519PrivateKey | None = None
) -> ssl.SSLContext:
    """TLS 1.3 that trusts `ca` (PEM) alone and shows a certificate (DER) if there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=ca)
    if certificate is not None and key is not None:
        pem = x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
        pair = folder / "pair.pem"
        pair.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
        context.load_cert_chain(pair)
    return context


@dataclass
class SimulatedAgent:
    """What a practice keeps: key, certificate and every event ever made. `folder` holds the pair for TLS."""

    url: str
    practice: str
    ca: str
    folder: Path
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    certificate: bytes | None = None
    keyset_version: int = 0
    outbox: list[Event] = field(default_factory=list)
    acked: int = 0

    @property
    def signer(self) -> Signer:
        return Signer(self.key)

    def report(self, *bodies: EventBody) -> None:
        """Makes events; the next connection sends them."""
        for body in bodies:
            self.outbox.append(Event(len(self.outbox) + 1, int(time.time()), body))

    async def enroll(self, secret: str) -> Enrolled | EnrollRefused:
        """Enrols without a certificate and keeps the one it gets."""
        session = AgentSession(acked=0, last=0, now=time.monotonic())
        session.enroll(make_enroll(self.practice, secret, self.signer))
        async with self.socket(certificate=None) as socket:
            for frame in session.data_to_send():
                await socket.send(frame.decode())
            (answer,) = session.data_received(_bytes(await socket.recv()), time.monotonic())
        if isinstance(answer, Enrolled):
            self.certificate, self.keyset_version = base64.b64decode(answer.certificate), answer.keyset.keyset.version
        assert isinstance(answer, Enrolled | EnrollRefused)
        return answer

    def socket(self, *, certificate: bytes | None) -> connect:
        """A websocket to the hub; the frames are the caller's."""
        context = tls(self.ca, self.folder, certificate, self.key)
        return connect(self.url, ssl=context, compression=None, proxy=None, close_timeout=1)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[AgentLink]:
        """An open session: Hello was said and Welcome was heard."""
        async with self.socket(certificate=self.certificate) as socket:
            session = AgentSession(acked=self.acked, last=len(self.outbox), now=time.monotonic())
            session.hello(Hello((1,), "0.1.0", None, 1, self.keyset_version))
            link = AgentLink(self, socket, session)
            await link.flush()
            await link.hear()
            yield link


@dataclass
class AgentLink:
    """One open connection of a simulated agent. `orders` are the orders heard, each once for each time it was sent."""

    agent: SimulatedAgent
    socket: ClientConnection
    session: AgentSession
    orders: list[Order] = field(default_factory=list)

    async def flush(self) -> None:
        for frame in self.session.data_to_send():
            await self.socket.send(frame.decode())

    async def hear(self) -> list[HubMessage]:
        """One frame from the hub."""
        heard = self.session.data_received(_bytes(await self.socket.recv()), time.monotonic())
        self.orders += [message for message in heard if isinstance(message, Order)]
        self.agent.acked = self.session.acked
        return heard

    async def deliver(self) -> None:
        """Sends what is not sent yet and listens until the hub has acknowledged everything."""
        while self.agent.acked < len(self.agent.outbox):
            while self.session.may_send and self.session.next_seq <= len(self.agent.outbox):
                self.session.send(self.agent.outbox[self.session.next_seq - 1])
            await self.flush()
            await self.hear()

    async def next_order(self) -> Order:
        """The next order that comes."""
        known = len(self.orders)
        while len(self.orders) == known:
            await self.hear()
        return self.orders[-1]

    async def answer(self, order: Order, *, ledger: int | None = None, refusal: Refusal | None = None) -> None:
        """Tells the hub what became of an order."""
        outcome = Outcome.REFUSED if refusal else Outcome.DONE
        self.agent.report(OrderResult(order.id, outcome, refusal, ledger))
        await self.deliver()


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame
