"""The conversation of one connection, without I/O: frames in, messages out; messages in, frames out; time passed in.

Each side has a table of what may be said in which state; what is not in the table ends the session. Two promises:

*Nothing lost, nothing doubled, in order.* Events are numbered from 1 without gaps. The agent keeps an event until an
Ack covers it, and after a reconnect resumes behind `Welcome.acked`. The hub acknowledges what it holds durably. An
event that it already has is acknowledged again and not handed on; a gap ends the session.

*No flood.* An agent may be `WINDOW` events ahead of the hub's acknowledgement. A hub sheds load by acknowledging late.

A driver owns the socket: it feeds `data_received`, sends `data_to_send`, and closes when `closed` or when a
ProtocolViolation was raised. Times are seconds of any clock that does not jump.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from protocol.codec import Message, decode_from_agent, decode_from_hub, guard
from protocol.errors import ProtocolViolation
from protocol.limits import HANDSHAKE_SECONDS, WINDOW
from protocol.messages import (
    Ack,
    AgentMessage,
    Enroll,
    Enrolled,
    EnrollRefused,
    Event,
    Hello,
    HubMessage,
    Order,
    Welcome,
)
from protocol.vocabulary import Rule

_M = TypeVar("_M", AgentMessage, HubMessage)

VERSIONS: Final = (1,)
"""Protocol versions this release speaks, newest first. Later releases keep the previous one."""


class State(StrEnum):
    """Where a session stands, on either side."""

    NEW = "new"  # nothing said yet; the hub knows the peer by its certificate
    ANONYMOUS = "anonymous"  # the hub sees no certificate: only enrolment is possible
    GREETING = "greeting"  # Hello was said, Welcome is due
    ENROLLING = "enrolling"  # Enroll was said, the answer is due
    OPEN = "open"
    CLOSED = "closed"


Table = Mapping[tuple[State, type[Message]], State]

AGENT_TABLE: Final[Table] = MappingProxyType(
    {
        (State.NEW, Hello): State.GREETING,
        (State.NEW, Enroll): State.ENROLLING,
        (State.GREETING, Welcome): State.OPEN,
        (State.ENROLLING, Enrolled): State.CLOSED,
        (State.ENROLLING, EnrollRefused): State.CLOSED,
        (State.OPEN, Event): State.OPEN,
        (State.OPEN, Ack): State.OPEN,
        (State.OPEN, Order): State.OPEN,
    }
)
"""What an agent may say and hear, and what state follows."""

HUB_TABLE: Final[Table] = MappingProxyType(
    {
        (State.NEW, Hello): State.GREETING,
        (State.ANONYMOUS, Enroll): State.ENROLLING,
        (State.GREETING, Welcome): State.OPEN,
        (State.ENROLLING, Enrolled): State.CLOSED,
        (State.ENROLLING, EnrollRefused): State.CLOSED,
        (State.OPEN, Event): State.OPEN,
        (State.OPEN, Ack): State.OPEN,
        (State.OPEN, Order): State.OPEN,
    }
)
"""What a hub may say and hear, and what state follows."""


class _Session:
    """What both sides share: the table, the frames that wait to be sent, and the time limit of the handshake."""

    _table: Table
    _waiting_for_peer: frozenset[State]

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self._frames: list[bytes] = []
        self._handshake_ends = now + HANDSHAKE_SECONDS

    @property
    def closed(self) -> bool:
        """Whether the conversation is over: close the connection once everything is sent."""
        return self.state is State.CLOSED

    @property
    def deadline(self) -> float | None:
        """When `tick` is due at the latest, None if the peer may be silent."""
        return self._handshake_ends if self.state in self._waiting_for_peer else None

    def tick(self, now: float) -> None:
        """Raises ProtocolViolation (HANDSHAKE_TIMEOUT) if the peer stayed silent for too long."""
        if self.deadline is not None and now >= self.deadline:
            raise self._broken(Rule.HANDSHAKE_TIMEOUT)

    def data_to_send(self) -> list[bytes]:
        """Frames to send now, in order; each is handed out once."""
        frames, self._frames = self._frames, []
        return frames

    def _next_state(self, message: Message) -> State:
        state = self._table.get((self.state, type(message)))
        if state is None:
            raise ProtocolViolation(Rule.UNEXPECTED_MESSAGE)
        return state

    def _say(self, message: Message) -> None:
        """Queue a message. If it may not be said, this raises ProtocolViolation and the session is as before."""
        state, frame = self._next_state(message), guard(message)
        self.state = state
        self._frames.append(frame)

    def _broken(self, rule: Rule) -> ProtocolViolation:
        self.state = State.CLOSED
        return ProtocolViolation(rule)

    def _heard(self, frame: bytes, now: float, decode: Callable[[bytes], _M]) -> _M:
        """The message in a frame, if it may be said now. Anything else closes the session and raises."""
        self.tick(now)
        try:
            message = decode(frame)
            self.state = self._next_state(message)
        except ProtocolViolation:
            self.state = State.CLOSED
            raise
        return message


class AgentSession(_Session):
    """The agent's side. `acked` is the newest event it no longer keeps, `last` the newest it ever made (0: none)."""

    _table = AGENT_TABLE
    _waiting_for_peer = frozenset({State.GREETING, State.ENROLLING})

    def __init__(self, *, acked: int, last: int, now: float) -> None:
        super().__init__(State.NEW, now)
        self._acked, self._last, self._sent = acked, last, acked
        self._versions: tuple[int, ...] = ()

    @property
    def acked(self) -> int:
        """The newest event that the hub is known to hold."""
        return self._acked

    @property
    def next_seq(self) -> int:
        """The event to send next. After Welcome this is where to resume."""
        return self._sent + 1

    @property
    def may_send(self) -> bool:
        """Whether the session is open and the window has room for an event."""
        return self.state is State.OPEN and self._sent - self._acked < WINDOW

    def hello(self, hello: Hello) -> None:
        """Open the conversation as an enrolled agent."""
        self._say(hello)
        self._versions = hello.versions

    def enroll(self, enroll: Enroll) -> None:
        """Open the conversation without a certificate."""
        self._say(enroll)

    def send(self, event: Event) -> None:
        """Send the event `next_seq`. Raises ProtocolViolation and stays as before if it may not be sent."""
        if event.seq != self.next_seq:
            raise ProtocolViolation(Rule.SEQUENCE_GAP)
        if self._sent - self._acked >= WINDOW:
            raise ProtocolViolation(Rule.WINDOW_EXCEEDED)
        self._say(event)
        self._sent = event.seq

    def data_received(self, frame: bytes, now: float) -> list[HubMessage]:
        """What the hub newly said with this frame. A stale Ack says nothing new.

        Raises ProtocolViolation, after which the session is closed.
        """
        message = self._heard(frame, now, decode_from_hub)
        match message:
            case Welcome():
                self._welcomed(message)
            case Ack():
                return self._acknowledged(message)
        return [message]

    def _welcomed(self, welcome: Welcome) -> None:
        if welcome.version not in self._versions:
            raise self._broken(Rule.VERSION_UNSUPPORTED)
        if welcome.acked < self._acked:
            raise self._broken(Rule.RESUME_BEHIND)
        if welcome.acked > self._last:
            raise self._broken(Rule.RESUME_AHEAD)
        self._acked = self._sent = welcome.acked

    def _acknowledged(self, ack: Ack) -> list[HubMessage]:
        if ack.seq > self._sent:
            raise self._broken(Rule.ACK_BEYOND)
        if ack.seq <= self._acked:
            return []
        self._acked = ack.seq
        return [ack]


class HubSession(_Session):
    """The hub's side. `known` says whether the peer showed a valid certificate of an agent."""

    _table = HUB_TABLE
    _waiting_for_peer = frozenset({State.NEW, State.ANONYMOUS})

    def __init__(self, *, known: bool, now: float) -> None:
        super().__init__(State.NEW if known else State.ANONYMOUS, now)
        self._acked = self._received = 0
        self._version = 0

    def welcome(self, *, acked: int, keyset_version: int) -> None:
        """Answer Hello. `acked` is the newest event held durably."""
        self._say(Welcome(self._version, acked, keyset_version))
        self._acked = self._received = acked

    def ack(self, seq: int) -> None:
        """Say that every event up to `seq` is held durably. Raises ProtocolViolation for one that never arrived."""
        if seq > self._received:
            raise ProtocolViolation(Rule.ACK_BEYOND)
        self._acked = max(self._acked, seq)
        self._say(Ack(self._acked))

    def order(self, order: Order) -> None:
        """Send an order."""
        self._say(order)

    def answer(self, answer: Enrolled | EnrollRefused) -> None:
        """Answer Enroll; the conversation is then over."""
        self._say(answer)

    def data_received(self, frame: bytes, now: float) -> list[AgentMessage]:
        """What the agent newly said with this frame. An event that the hub already has is acknowledged again.

        Raises ProtocolViolation, after which the session is closed.
        """
        message = self._heard(frame, now, decode_from_agent)
        match message:
            case Hello():
                self._choose_version(message)
            case Event():
                return self._arrived(message)
        return [message]

    def _choose_version(self, hello: Hello) -> None:
        common = set(hello.versions) & set(VERSIONS)
        if not common:
            raise self._broken(Rule.VERSION_UNSUPPORTED)
        self._version = max(common)

    def _arrived(self, event: Event) -> list[AgentMessage]:
        if event.seq <= self._received:
            self._say(Ack(self._acked))
            return []
        if event.seq > self._received + 1:
            raise self._broken(Rule.SEQUENCE_GAP)
        if event.seq > self._acked + WINDOW:
            raise self._broken(Rule.WINDOW_EXCEEDED)
        self._received = event.seq
        return [event]
