"""One agent's connection: its events into the store, the hub's orders to it."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection
from websockets.asyncio.server import ServerConnection

from console.hub import ingest
from console.hub.ca import Peer
from console.hub.hub import Hub, SentAway
from console.hub.sockets import AgentLine, close_soon, first_of
from console.hub.store import orders, practices
from console.wire import Goodbye
from protocol.keyset import SignedKeySet
from protocol.messages import Event, Hello, KeySetOrder, Order
from protocol.session import HubSession


async def serve_agent(hub: Hub, socket: ServerConnection, peer: Peer) -> None:
    """Until the agent leaves. Raises SentAway, Refused or ProtocolViolation when it has to go."""
    session = HubSession(known=True, now=hub.world.steady())
    line = AgentLine(socket, session, hub.world.steady)
    hello = await line.hear_first()
    if not isinstance(hello, Hello):
        raise SentAway(Goodbye.NOT_ENROLLED)
    agent = await hub.writer.run(lambda connection: _admit(connection, peer, hello, hub.world.now))
    keyset = await hub.keyset()
    session.welcome(acked=agent.acked, keyset_version=keyset.keyset.version)
    await line.flush()
    await AgentConnection(hub, socket, line, session, agent, hello.keyset_version).run(keyset)


def _admit(connection: Connection, peer: Peer, hello: Hello, now: int) -> practices.Practice:
    """The practice whose enrolled agent this is; its certificate must carry the key that was enrolled last."""
    agent = practices.by_id(connection, peer.id)
    if agent is None or agent.agent_key != peer.public_key:
        raise SentAway(Goodbye.NOT_ENROLLED)
    practices.touch(connection, agent.id, agent_version=hello.agent_version, last_heard=now)
    return agent


class AgentConnection:
    """An open session. Listening and working run side by side, both in the event loop's one thread."""

    def __init__(
        self,
        hub: Hub,
        socket: ServerConnection,
        line: AgentLine,
        session: HubSession,
        agent: practices.Practice,
        keyset_version: int,
    ) -> None:
        self._hub, self._socket, self._line, self._session, self._agent = hub, socket, line, session, agent
        self._keyset_version = keyset_version
        self._work = asyncio.Event()
        self._arrived: list[Event] = []
        self._sent: set[str] = set()
        self._looked_up_to = 0
        self._due = True

    async def run(self, keyset: SignedKeySet) -> None:
        """Until the agent leaves. A second connection of the same agent ends the first."""
        self._keyset = keyset
        before = self._hub.agents.get(self._agent.id)
        if before is not None:
            before.leave(Goodbye.SUPERSEDED)
        self._hub.agents[self._agent.id] = self
        self._hub.note_moved(self._agent.id)
        try:
            await first_of(self._listen(), self._serve())
        finally:
            if self._hub.agents.get(self._agent.id) is self:
                del self._hub.agents[self._agent.id]
            self._hub.note_moved(self._agent.id)

    def look_for_orders(self, newest_waiting: int, keyset: SignedKeySet) -> None:
        """Wakes the worker if there is something that was not passed on yet."""
        self._keyset = keyset
        if newest_waiting > self._looked_up_to or keyset.keyset.version > self._keyset_version:
            self._looked_up_to = max(newest_waiting, self._looked_up_to)
            self._due = True
            self._work.set()

    def leave(self, goodbye: Goodbye) -> None:
        """Closes the connection soon."""
        close_soon(self._socket, goodbye)

    async def _listen(self) -> None:
        while True:
            self._arrived += [message for message in await self._line.hear() if isinstance(message, Event)]
            await self._line.flush()
            if self._arrived:
                self._work.set()

    async def _serve(self) -> None:
        while True:
            if self._due:
                self._due = False
                await self._pass_on_orders()
            if self._arrived:
                await self._store_events()
            if not self._due and not self._arrived:
                self._work.clear()
                await self._work.wait()

    async def _store_events(self) -> None:
        """Acknowledges only after the store has them durably."""
        batch, self._arrived = self._arrived, []
        now = self._hub.world.now
        acked = await self._hub.writer.run(lambda connection: ingest.take(connection, self._agent, batch, now))
        self._session.ack(acked)
        await self._line.flush()
        self._hub.changed.set()

    async def _pass_on_orders(self) -> None:
        """Sends every order that waits and was not sent on this connection; the agent answers each once."""
        if self._keyset.keyset.version > self._keyset_version:
            await self._queue_keyset()
        waiting = await self._hub.read(lambda connection: orders.waiting(connection, self._agent.id))
        fresh = [order for order in waiting if order.id not in self._sent]
        for order in fresh:
            self._session.order(order)
            self._sent.add(order.id)
        await self._line.flush()
        if fresh:
            await self._hub.writer.run(lambda connection: self._mark_delivered(connection, fresh))
            self._hub.changed.set()

    async def _queue_keyset(self) -> None:
        """A key set is queued once for each version; the agent and its ledger judge it."""
        order = Order(self._hub.world.new_id(), KeySetOrder(self._keyset))
        self._keyset_version = self._keyset.keyset.version
        now = self._hub.world.now
        await self._hub.writer.run(lambda connection: orders.queue_keyset(connection, self._agent.id, order, now))

    def _mark_delivered(self, connection: Connection, sent: list[Order]) -> None:
        orders.mark_delivered(connection, [order.id for order in sent], self._hub.world.now)
        practices.touch(connection, self._agent.id)
