"""A small hub in the test's own process: real TLS 1.3 with its own authority, real websockets, `HubSession` inside.

`HubMemory` is what a real hub keeps on disk; it outlives the server. The server can be cut, stopped and started again.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import json
import secrets
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from protocol.enrolment import is_proven
from protocol.errors import ProtocolViolation
from protocol.keyset import DEFAULT_POLICY, KeySet, Operator, SignedKeySet, Signer, sign_keyset
from protocol.messages import (
    DecisionOrder,
    Enroll,
    Enrolled,
    EnrollRefused,
    Event,
    EventBody,
    EvidenceReport,
    GateReport,
    Hello,
    Order,
    OrderBody,
    OrderResult,
)
from protocol.session import HubSession
from protocol.statements import Decision, Evidence, SignedDecision, sign_decision, statement_digest
from protocol.vocabulary import DecisionVerdict, EnrollRefusal, Gate, Role

DAY = datetime.timedelta(days=1)


@dataclass
class Authority:
    """A certificate authority of its own."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test authority {secrets.token_hex(4)}")])
        builder = self._builder(name, name, self.key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        ski = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        self.certificate = builder.add_extension(ski, critical=False).sign(self.key, None)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, name: str, key: Ed25519PublicKey, *, expired: bool = False) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, self.certificate.subject, key, expired)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return builder.add_extension(names, critical=False).add_extension(aki, critical=False).sign(self.key, None)

    @staticmethod
    def _builder(
        subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey, expired: bool = False
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        end = now - DAY if expired else now + 30 * DAY
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(now - 2 * DAY).not_valid_after(end)


@dataclass
class Firm:
    """The firm: a root key, operators with keys, a key set, an authority."""

    authority: Authority = field(default_factory=Authority)
    practice: str = field(default_factory=lambda: secrets.token_hex(16))
    version: int = 1

    def __post_init__(self) -> None:
        self.root = Signer(Ed25519PrivateKey.generate())
        roles = {"ann": Role.APPROVER, "ben": Role.APPROVER, "vic": Role.VIEWER, "rex": Role.APPROVER}
        self.signers = {name: Signer(Ed25519PrivateKey.generate()) for name in roles}
        self.operators = tuple(
            Operator(secrets.token_hex(16), self.signers[name].public_key, role, name == "rex")
            for name, role in roles.items()
        )
        self.secret = secrets.token_hex(32)

    def keyset(self, version: int = 1) -> SignedKeySet:
        return sign_keyset(KeySet(version, self.operators, DEFAULT_POLICY, 1_700_000_000), self.root)

    def token(self, url: str, *, expires: int | None = None) -> str:
        body = {
            "hub": url,
            "practice": self.practice,
            "secret": self.secret,
            "ca": self.authority.pem,
            "root": self.root.public_key,
            "expires": expires or int(time.time()) + 3600,
        }
        return base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()

    def decide(
        self, evidence: Evidence, who: str, verdict: DecisionVerdict = DecisionVerdict.APPROVE, **changes: object
    ) -> SignedDecision:
        now = int(time.time())
        values: dict[str, object] = {
            "practice": evidence.practice,
            "run": evidence.run,
            "gate": evidence.gate,
            "verdict": verdict,
            "evidence": statement_digest(evidence),
            "policy_version": DEFAULT_POLICY.version,
            "nonce": secrets.token_hex(16),
            "issued_at": now,
            "expires_at": now + 3600,
        }
        return sign_decision(Decision(**(values | changes)), self.signers[who])  # type: ignore[arg-type]


@dataclass
class HubMemory:
    """What the hub holds durably: every event once, every order until it is answered."""

    events: dict[int, Event] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    results: dict[str, OrderResult] = field(default_factory=dict)
    hellos: list[Hello] = field(default_factory=list)
    enrolled: list[str] = field(default_factory=list)
    repeated: int = 0

    @property
    def acked(self) -> int:
        return len(self.events)

    def bodies(self, kind: type[EventBody]) -> list[EventBody]:
        return [event.body for event in self.events.values() if isinstance(event.body, kind)]

    def evidence(self, gate: Gate) -> list[Evidence]:
        reports = [body.signed.evidence for body in self.bodies(EvidenceReport)]
        return [evidence for evidence in reports if evidence.gate is gate]

    def gate(self, gate: Gate) -> GateReport | None:
        found = [body for body in self.bodies(GateReport) if body.gate is gate]
        return found[-1] if found else None


class SimulatedHub:
    """The server. `acknowledges` can be turned off; `cut` breaks every connection without a goodbye."""

    def __init__(self, folder: Path, firm: Firm, memory: HubMemory | None = None, authority: Authority | None = None):
        self.firm, self.memory, self.folder = firm, memory or HubMemory(), folder
        self.authority = authority or firm.authority
        self.port = 0
        self.acknowledges = True
        self.connections: dict[ServerConnection, HubSession] = {}
        self.handshakes = 0
        self._server: Server | None = None
        self.changed = asyncio.Event()
        self._sending = asyncio.Lock()
        self._flushes: set[asyncio.Future[None]] = set()

    @property
    def url(self) -> str:
        return f"wss://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", self.port, ssl=self._tls(), compression=None, max_size=64 * 1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def cut(self) -> None:
        for connection in list(self.connections):
            connection.transport.abort()

    def order(self, body: OrderBody, order: str | None = None) -> str:
        """Give an order to whoever is connected, and again at each Hello until it is answered."""
        made = Order(order or secrets.token_hex(16), body)
        self.memory.orders[made.id] = made
        for session in self.connections.values():
            session.order(made)
        self._wake()
        return made.id

    def approve(self, gate: Gate, who: str) -> str:
        return self.order(DecisionOrder(self.firm.decide(self.memory.evidence(gate)[-1], who)))

    async def until(self, condition: object, seconds: float = 30.0) -> None:
        """Wait until `condition()` holds."""
        assert callable(condition)
        async with asyncio.timeout(seconds):
            while not condition():
                self.changed.clear()
                try:
                    await asyncio.wait_for(self.changed.wait(), 0.2)
                except TimeoutError:
                    continue

    def _tls(self) -> ssl.SSLContext:
        key = Ed25519PrivateKey.generate()
        pem = self.authority.issue("hub", key.public_key()).public_bytes(Encoding.PEM)
        pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = self.folder / f"hub-{secrets.token_hex(4)}.pem"
        file.write_bytes(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(file)
        context.load_verify_locations(cadata=self.authority.pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    async def _serve(self, connection: ServerConnection) -> None:
        self.handshakes += 1
        known = bool(connection.transport.get_extra_info("ssl_object").getpeercert(binary_form=True))
        session = HubSession(known=known, now=time.monotonic())
        self.connections[connection] = session
        try:
            async for frame in connection:
                for message in session.data_received(frame.encode(), time.monotonic()):
                    self._hear(session, message)
                self._wake()
                if session.closed:
                    break
            await self._flush(connection, session)
        except (ConnectionClosed, ProtocolViolation):
            pass
        finally:
            self.connections.pop(connection, None)
            self._wake()

    def _hear(self, session: HubSession, message: object) -> None:
        match message:
            case Hello():
                self.memory.hellos.append(message)
                session.welcome(acked=self.memory.acked, keyset_version=self.firm.version)
                for order in self.memory.orders.values():
                    if order.id not in self.memory.results:
                        session.order(order)
            case Event():
                self._store(session, message)
            case Enroll():
                session.answer(self._enroll(message))

    def _store(self, session: HubSession, event: Event) -> None:
        if event.seq in self.memory.events:
            self.memory.repeated += 1
        self.memory.events[event.seq] = event
        if isinstance(event.body, OrderResult):
            self.memory.results[event.body.order] = event.body
        if self.acknowledges:
            session.ack(event.seq)

    def _enroll(self, enroll: Enroll) -> Enrolled | EnrollRefused:
        if enroll.secret != self.firm.secret:
            return EnrollRefused(EnrollRefusal.TOKEN_UNKNOWN)
        if not is_proven(enroll):
            return EnrollRefused(EnrollRefusal.PROOF_INVALID)
        self.memory.enrolled.append(enroll.public_key)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(enroll.public_key))
        certificate = self.authority.issue(enroll.practice, key).public_bytes(Encoding.DER)
        return Enrolled(base64.b64encode(certificate).decode(), self.firm.keyset(self.firm.version))

    def _wake(self) -> None:
        self.changed.set()
        for connection, session in self.connections.items():
            self._flushes.add(task := asyncio.ensure_future(self._flush(connection, session)))
            task.add_done_callback(self._flushes.discard)

    async def _flush(self, connection: ServerConnection, session: HubSession) -> None:
        async with self._sending:
            for frame in session.data_to_send():
                try:
                    await connection.send(frame.decode())
                except ConnectionClosed:
                    return
