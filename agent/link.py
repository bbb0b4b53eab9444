"""The one outbound connection: WSS, TLS 1.3 both ways, only the firm's own authority, resumed for ever.

A driver of `protocol.session.AgentSession` and nothing more: it moves frames. Each frame is inspected, written to the
egress log and synced before the socket sees it; an event leaves the outbox only when the hub acknowledges it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from agent import boundary, log
from agent.egress import EgressLog
from agent.failures import Failure, classify, pace_of
from agent.orders import LAST_ORDER, OrderDesk
from agent.outbox import Outbox
from agent.supervisor import Clocks
from protocol.errors import BitewingError, ProtocolViolation, UsageProblem
from protocol.limits import MAX_FRAME_BYTES
from protocol.messages import Ack, HubMessage, Order, Welcome
from protocol.session import AgentSession

OPEN_SECONDS = 20.0  # name, TCP, TLS and HTTP together, over a slow practice line
PING_SECONDS = 20.0  # a half-open connection is noticed within two of these
CLOSE_SECONDS = 5.0
MAX_QUEUED_FRAMES = 16  # frames of the hub not yet looked at

_JOINS = "join_sequence"
_MAX_LAST = 2**40


@dataclass(frozen=True, slots=True)
class Address:
    """Where the hub is, what to trust and show, and the proxy, if one was named: the system's are never used.

    `certified_until` is when our own certificate ends, in UTC seconds.
    """

    url: str
    tls: ssl.SSLContext
    proxy: str | None
    certified_until: int


def tls_context(authority: str, certificate: Path | None, key: Path) -> ssl.SSLContext:
    """TLS 1.3 that trusts `authority` (PEM) and nothing else, showing `certificate` if given. Raises UsageProblem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cadata=authority)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError, ValueError) as problem:
        raise UsageProblem(
            "the agent's certificate files are missing, damaged, or do not belong together",
            where=key.parent.name,
            next_step="restore agent.pem, agent-ca.pem and identity.key, or enroll again",
        ) from problem
    return context


def open_connection(address: Address) -> connect:
    """One try to connect, without the library's own retries."""
    return connect(
        address.url,
        ssl=address.tls,
        proxy=address.proxy,
        compression=None,
        max_size=MAX_FRAME_BYTES,
        max_queue=MAX_QUEUED_FRAMES,
        open_timeout=OPEN_SECONDS,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_SECONDS,
        close_timeout=CLOSE_SECONDS,
        user_agent_header=None,
    )


@dataclass(frozen=True, slots=True)
class LinkState:
    """Whether the hub is on the line, since when (UTC seconds), and what went wrong if not."""

    connected: bool
    since: int
    failure: Failure | None = None
    retry_in: float = 0.0


class Link:
    """Runs until cancelled. `keyset_version` tells the newest key set taken; `on_news` is called on each change."""

    def __init__(
        self,
        address: Address,
        outbox: Outbox,
        egress: EgressLog,
        desk: OrderDesk,
        keyset_version: Callable[[], int],
        clocks: Clocks,
        on_news: Callable[[], None],
    ) -> None:
        self._address, self._outbox, self._egress, self._desk = address, outbox, egress, desk
        self._keyset_version, self._clocks, self._on_news = keyset_version, clocks, on_news
        self._news = asyncio.Event()
        self._welcomed = False
        self.state = LinkState(False, clocks.utc())

    def notify(self) -> None:
        """There may be something new to send."""
        self._news.set()

    async def run(self) -> None:
        """Connect, talk, and connect again: always after a jittered wait, for ever."""
        failures = 0
        while True:
            self._welcomed = False
            failure = self._explained(await self._one_connection())
            failures = 0 if self._welcomed else failures + 1
            wait = pace_of(failure).delay(failures, self._clocks.random)
            self._change(LinkState(False, self._clocks.utc(), failure, wait))
            await asyncio.sleep(wait)

    async def _one_connection(self) -> Failure:
        """One connection from first to last; how it ended."""
        try:
            async with open_connection(self._address) as socket:
                await self._converse(socket)
        except (OSError, WebSocketException, BitewingError, BaseExceptionGroup) as error:
            return classify(error)
        return Failure.UNREACHABLE

    def _explained(self, failure: Failure) -> Failure:
        """A hub that refuses a certificate just hangs up; if ours has ended by our own clock, that is why."""
        ended = self._clocks.utc() >= self._address.certified_until
        return Failure.NOT_ACCEPTED if failure is Failure.HUNG_UP and ended else failure

    async def _converse(self, socket: ClientConnection) -> None:
        session = self._new_session()
        self._greet(session)
        await self._flush(session, socket)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(session, socket))
            tasks.create_task(self._send_news(session, socket))
            tasks.create_task(self._watch_handshake(session))

    def _new_session(self) -> AgentSession:
        last = _MAX_LAST if self._outbox.is_new else self._outbox.next_seq - 1
        return AgentSession(acked=self._outbox.acked, last=last, now=self._clocks.monotonic())

    def _greet(self, session: AgentSession) -> None:
        with self._outbox.step():
            joins = int(self._outbox.fact(_JOINS, "0")) + 1
            self._outbox.remember(_JOINS, str(joins))
        session.hello(boundary.hello(self._outbox.fact(LAST_ORDER, "") or None, joins, self._keyset_version()))

    async def _watch_handshake(self, session: AgentSession) -> None:
        while session.deadline is not None:
            await asyncio.sleep(max(0.0, session.deadline - self._clocks.monotonic()))
            session.tick(self._clocks.monotonic())

    async def _listen(self, session: AgentSession, socket: ClientConnection) -> None:
        """Until the connection ends, with the exception that says how."""
        while True:
            frame = await socket.recv()
            if not isinstance(frame, str):
                raise ProtocolViolation("binary-frame")
            for message in session.data_received(frame.encode(), self._clocks.monotonic()):
                self._hear(message)

    def _hear(self, message: HubMessage) -> None:
        match message:
            case Welcome():
                self._outbox.acknowledge(message.acked)
                self._welcomed = True
                self._change(LinkState(True, self._clocks.utc()))
            case Ack():
                self._outbox.acknowledge(message.seq)
            case Order():
                self._desk.take(message)
        self.notify()
        self._on_news()

    async def _send_news(self, session: AgentSession, socket: ClientConnection) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if session.may_send:
                self._hand_over(session)
            await self._flush(session, socket)

    def _hand_over(self, session: AgentSession) -> None:
        for queued in self._outbox.take():
            if queued.seq == session.next_seq and session.may_send:
                session.send(boundary.event(queued.seq, queued.at, queued.body))

    async def _flush(self, session: AgentSession, socket: ClientConnection) -> None:
        for frame in session.data_to_send():
            boundary.inspect(frame)
            self._egress.record(frame, self._clocks.utc())
            await socket.send(frame, text=True)

    def _change(self, state: LinkState) -> None:
        if (state.connected, state.failure) != (self.state.connected, self.state.failure):
            log.tell("connected" if state.connected else "not-connected", failure=state.failure)
        self.state = state
        self._on_news()
