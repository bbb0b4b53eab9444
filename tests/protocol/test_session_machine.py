"""Whatever the link does, and whoever dies when: nothing is lost, nothing is doubled, and order is kept, both ways.

A state machine drives one agent and one hub, each with its durable part (outbox, store) and its volatile part
(session, events received and not yet committed), over a link that can be cut at any frame.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocol.errors import ProtocolViolation
from protocol.messages import Ack, Event, Hello, Order, Welcome
from protocol.session import AgentSession, HubSession, State
from protocol.vocabulary import Rule
from tests.protocol import world

T = 0.0


@dataclass
class Agent:
    """What an agent keeps on disk: events not yet acknowledged, and the orders it took."""

    outbox: dict[int, Event] = field(default_factory=dict)
    made: int = 0
    acked: int = 0
    orders: list[str] = field(default_factory=list)

    def make(self) -> None:
        self.made += 1
        self.outbox[self.made] = world.event(self.made)

    def forget(self, acked: int) -> None:
        self.acked = max(self.acked, acked)
        self.outbox = {seq: event for seq, event in self.outbox.items() if seq > acked}


@dataclass
class Hub:
    """What a hub keeps on disk: events, and the orders it has to deliver in turn."""

    events: list[Event] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    def orders_after(self, last: str | None) -> list[Order]:
        ids = [order.id for order in self.orders]
        return self.orders[ids.index(last) + 1 if last in ids else 0 :]


class Link:
    """One connection: a session on each side, frames under way, and events that the hub has not committed."""

    def __init__(self, agent: Agent) -> None:
        self.agent = AgentSession(acked=agent.acked, last=agent.made, now=T)
        self.hub = HubSession(known=True, now=T)
        self.to_hub: deque[bytes] = deque()
        self.to_agent: deque[bytes] = deque()
        self.uncommitted: list[Event] = []
        self.seen: list[bytes] = []
        self.agent.hello(Hello((1,), "0.1.0", agent.orders[-1] if agent.orders else None, 1, 0))
        self.flush()

    def flush(self) -> None:
        self.to_hub.extend(self.agent.data_to_send())
        self.to_agent.extend(self.hub.data_to_send())


class Conversation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.agent, self.hub = Agent(), Hub()
        self.link: Link | None = None

    @rule()
    def something_happens(self) -> None:
        self.agent.make()

    @rule()
    def an_operator_orders(self) -> None:
        order = world.order(f"order {len(self.hub.orders)}")
        self.hub.orders.append(order)
        if self.link and self.link.hub.state is State.OPEN:
            self.link.hub.order(order)
            self.link.flush()

    @precondition(lambda self: self.link is None)
    @rule()
    def connect(self) -> None:
        self.link = Link(self.agent)

    @precondition(lambda self: self.link)
    @rule(most=st.integers(1, 9))
    def the_agent_sends(self, most: int) -> None:
        assert self.link
        session = self.link.agent
        while most and session.may_send and session.next_seq in self.agent.outbox:
            session.send(self.agent.outbox[session.next_seq])
            most -= 1
        self.link.flush()

    @precondition(lambda self: self.link and self.link.to_hub)
    @rule(most=st.integers(1, 9))
    def frames_reach_the_hub(self, most: int) -> None:
        assert self.link
        for _ in range(min(most, len(self.link.to_hub))):
            frame = self.link.to_hub.popleft()
            self.link.seen.append(frame)
            for message in self.link.hub.data_received(frame, T):
                self._hub_hears(message)
        self.link.flush()

    def _hub_hears(self, message: object) -> None:
        assert self.link
        match message:
            case Hello():
                self.link.hub.welcome(acked=len(self.hub.events), keyset_version=0)
                for order in self.hub.orders_after(message.last_order):
                    self.link.hub.order(order)
            case Event():
                self.link.uncommitted.append(message)

    @precondition(lambda self: self.link and self.link.uncommitted)
    @rule(acknowledge=st.booleans())
    def the_hub_commits(self, acknowledge: bool) -> None:
        assert self.link
        self.hub.events.extend(self.link.uncommitted)
        self.link.uncommitted.clear()
        if acknowledge:
            self.link.hub.ack(len(self.hub.events))
        self.link.flush()

    @precondition(lambda self: self.link and self.link.to_agent)
    @rule(most=st.integers(1, 9))
    def frames_reach_the_agent(self, most: int) -> None:
        assert self.link
        for _ in range(min(most, len(self.link.to_agent))):
            for message in self.link.agent.data_received(self.link.to_agent.popleft(), T):
                self._agent_hears(message)
        self.link.flush()

    def _agent_hears(self, message: object) -> None:
        match message:
            case Welcome() | Ack():
                self.agent.forget(message.acked if isinstance(message, Welcome) else message.seq)
            case Order():
                self.agent.orders.append(message.id)

    @precondition(lambda self: self.link and self.link.hub.state is State.OPEN and self.link.seen[1:])
    @rule(data=st.data())
    def a_frame_reaches_the_hub_again(self, data: st.DataObject) -> None:
        assert self.link
        frame = data.draw(st.sampled_from(self.link.seen[1:]))
        assert self.link.hub.data_received(frame, T) == []
        self.link.flush()

    @precondition(lambda self: self.link)
    @rule(hub_survives=st.booleans())
    def the_link_is_cut(self, hub_survives: bool) -> None:
        """Frames under way are gone. A hub that lives still commits what it received; one that dies forgets it."""
        assert self.link
        if hub_survives:
            self.hub.events.extend(self.link.uncommitted)
        self.link = None

    @precondition(lambda self: self.link and len(self.link.to_hub) > 1 and self.link.hub.state is State.OPEN)
    @rule()
    def a_frame_is_lost_and_the_rest_arrives(self) -> None:
        """Not what TCP does; what a broken middlebox could do. The hub must notice and the session must end."""
        assert self.link
        self.link.to_hub.popleft()
        with pytest.raises(ProtocolViolation) as caught:
            self.link.hub.data_received(self.link.to_hub.popleft(), T)
        assert caught.value.rule == Rule.SEQUENCE_GAP
        self.link = None

    @invariant()
    def the_hub_holds_a_beginning_of_what_happened(self) -> None:
        assert [event.seq for event in self.hub.events] == list(range(1, len(self.hub.events) + 1))
        assert len(self.hub.events) <= self.agent.made

    @invariant()
    def what_the_hub_does_not_hold_the_agent_still_has(self) -> None:
        assert self.agent.acked <= len(self.hub.events)
        assert set(self.agent.outbox) >= set(range(len(self.hub.events) + 1, self.agent.made + 1))

    @invariant()
    def the_agent_took_a_beginning_of_the_orders(self) -> None:
        assert self.agent.orders == [order.id for order in self.hub.orders[: len(self.agent.orders)]]

    def teardown(self) -> None:
        """However it went, one undisturbed connection brings both sides level."""
        self.link = Link(self.agent)
        while self.link.to_hub or self.link.to_agent or self.link.uncommitted:
            if self.link.to_hub:
                self.frames_reach_the_hub(9)
            if self.link.uncommitted:
                self.the_hub_commits(True)
            if self.link.to_agent:
                self.frames_reach_the_agent(9)
            self.the_agent_sends(9)
        assert len(self.hub.events) == self.agent.made
        assert self.agent.outbox == {}
        assert self.agent.orders == [order.id for order in self.hub.orders]


TestConversation = pytest.mark.fuzz(Conversation.TestCase)
TestConversation.settings = settings(settings.default, stateful_step_count=60)
