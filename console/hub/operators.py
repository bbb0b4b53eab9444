"""One operator's connection: the fleet as it changes, and answers to decisions and commands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sqlalchemy import Connection
from websockets.asyncio.server import ServerConnection

from console import wire
from console.hub import policy
from console.hub.ca import Peer
from console.hub.hub import Hub, SentAway
from console.hub.sockets import as_bytes, first_of
from console.hub.store import latest, operators, orders, practices
from console.hub.view import newest_evidence
from protocol.errors import EnvironmentProblem, Refused
from protocol.keyset import KeySet, Operator
from protocol.messages import Order, Pause, Resume, Stop
from protocol.vocabulary import Refusal

_ORDERS: Mapping[wire.Verb, type[Pause | Resume | Stop]] = {
    wire.Verb.PAUSE: Pause,
    wire.Verb.RESUME: Resume,
    wire.Verb.STOP: Stop,
}


async def serve_operator(hub: Hub, socket: ServerConnection, peer: Peer) -> None:
    """Until the operator leaves. Raises SentAway or ProtocolViolation when they have to go."""
    connection = OperatorConnection(hub, socket, peer)
    await hub.read(connection.demand_known)
    try:
        await first_of(connection.listen(), connection.push())
    finally:
        hub.watchers.discard(connection)


class OperatorConnection:
    """Keeps only the newest view of each practice, so a slow console costs no memory and misses nothing."""

    def __init__(self, hub: Hub, socket: ServerConnection, peer: Peer) -> None:
        self._hub, self._socket, self._peer = hub, socket, peer
        self._news = asyncio.Event()
        self._fleet_due = False
        self._views: dict[str, wire.PracticeView] = {}

    def demand_known(self, connection: Connection) -> tuple[Operator, KeySet]:
        """The operator and the key set in force; raises SentAway when the key set does not know them (any more)."""
        signed = operators.newest_keyset(connection)
        account = next((one for one in operators.everyone(connection) if one.id == self._peer.id), None)
        if signed is None:
            raise EnvironmentProblem("the store holds no key set")
        try:
            return policy.demand_known(self._peer, account, signed.keyset), signed.keyset
        except Refused as refused:
            raise SentAway(wire.Goodbye.OPERATOR_UNKNOWN) from refused

    def offer(self, view: wire.PracticeView) -> None:
        """A practice has changed."""
        self._views[view.id] = view
        self._news.set()

    def offer_fleet(self) -> None:
        """Operators or policy have changed."""
        self._fleet_due = True
        self._news.set()

    async def listen(self) -> None:
        """Takes what the operator says, one after another."""
        while True:
            message = wire.decode_from_operator(as_bytes(await self._socket.recv()))
            if isinstance(message, wire.Watch):
                self._hub.watchers.add(self)
                self.offer_fleet()
            else:
                refusal = await self._obey(message)
                await self._socket.send(wire.encode(wire.Submitted(message.request, refusal)))

    async def push(self) -> None:
        """Sends news as fast as the operator takes them."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self._fleet_due:
                self._fleet_due = False
                self._views.clear()
                await self._socket.send(wire.encode(await self._hub.fleet()))
            while self._views:
                view = self._views.pop(next(iter(self._views)))
                await self._socket.send(wire.encode(wire.Changed(view)))

    async def _obey(self, message: wire.Submit | wire.Command) -> Refusal | None:
        try:
            if isinstance(message, wire.Submit):
                await self._hub.writer.run(lambda connection: self._submit(connection, message))
            else:
                await self._hub.writer.run(lambda connection: self._command(connection, message))
        except Refused as refused:
            return refused.reason
        self._hub.changed.set()
        return None

    def _submit(self, connection: Connection, message: wire.Submit) -> None:
        decision, now = message.signed.decision, self._hub.world.now
        operator, keyset = self.demand_known(connection)
        practice = practices.by_id(connection, decision.practice)
        topics = latest.of_practices(connection, [decision.practice])[decision.practice]
        newest = newest_evidence(topics, decision.gate)
        policy.demand_acceptable(message.signed, operator, keyset, practice=practice, newest=newest, now=now)
        orders.queue_decision(connection, self._hub.world.new_id(), message.signed, operator.id, now)
        practices.touch(connection, decision.practice)

    def _command(self, connection: Connection, message: wire.Command) -> None:
        operator, _ = self.demand_known(connection)
        policy.demand_may_command(operator)
        if practices.by_id(connection, message.practice) is None:
            raise Refused(Refusal.WRONG_PRACTICE, "there is no such practice")
        order = Order(self._hub.world.new_id(), _ORDERS[message.verb]())
        orders.queue(connection, message.practice, order, self._hub.world.now)
        practices.touch(connection, message.practice)
