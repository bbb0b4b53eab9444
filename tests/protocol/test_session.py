"""One connection: who may say what and when, sequence numbers, acknowledgements, the window, the handshake's time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from protocol.codec import Message, guard
from protocol.errors import ProtocolViolation
from protocol.limits import HANDSHAKE_SECONDS, WINDOW
from protocol.messages import Ack, Enrolled, EnrollRefused, Event, Hello, Welcome
from protocol.session import AGENT_TABLE, HUB_TABLE, VERSIONS, AgentSession, HubSession, State
from protocol.vocabulary import EnrollRefusal, Rule
from tests.protocol import world

T = 1000.0
REFUSED = EnrollRefused(EnrollRefusal.TOKEN_EXPIRED)


def rule(call: Callable[[], object]) -> str:
    with pytest.raises(ProtocolViolation) as caught:
        call()
    return caught.value.rule


def hear(session: AgentSession | HubSession, message: Message) -> list[Message]:
    return list(session.data_received(guard(message), T))


def agent_in(state: State, *, acked: int = 0, last: int = 1000) -> AgentSession:
    """An agent's session that lawfully came to a state."""
    session = AgentSession(acked=acked, last=last, now=T)
    if state is State.ENROLLING:
        session.enroll(world.FROM_AGENT[2])  # type: ignore[arg-type]
    elif state is not State.NEW:
        session.hello(world.hello())
    if state is State.OPEN:
        hear(session, Welcome(1, acked, 3))
    elif state is State.CLOSED:
        with pytest.raises(ProtocolViolation):
            session.data_received(b"", T)
    assert session.state is state
    session.data_to_send()
    return session


def hub_in(state: State, *, acked: int = 0) -> HubSession:
    """A hub's session that lawfully came to a state."""
    session = HubSession(known=state not in (State.ANONYMOUS, State.ENROLLING), now=T)
    if state is State.ENROLLING:
        hear(session, world.FROM_AGENT[2])
    elif state in (State.GREETING, State.OPEN):
        hear(session, world.hello())
    if state is State.OPEN:
        session.welcome(acked=acked, keyset_version=3)
    elif state is State.CLOSED:
        with pytest.raises(ProtocolViolation):
            session.data_received(b"", T)
    assert session.state is state
    session.data_to_send()
    return session


# --- the tables -------------------------------------------------------------------------------------------------

AGENT_STATES = (State.NEW, State.GREETING, State.ENROLLING, State.OPEN, State.CLOSED)
HUB_STATES = (State.NEW, State.ANONYMOUS, State.GREETING, State.ENROLLING, State.OPEN, State.CLOSED)
HUB_SAYS = {type(message): message for message in (*world.FROM_HUB, Welcome(1, 0, 3), Ack(0))}
AGENT_SAYS = {type(message): message for message in (*world.FROM_AGENT, world.hello(), world.event(1))}


@pytest.mark.attack
@pytest.mark.parametrize("message", HUB_SAYS.values(), ids=world.name_of)
@pytest.mark.parametrize("state", AGENT_STATES)
def test_an_agent_hears_only_what_its_table_allows(state: State, message: Message) -> None:
    session = agent_in(state)
    expected = AGENT_TABLE.get((state, type(message)))
    if expected is None:
        assert rule(lambda: hear(session, message)) == Rule.UNEXPECTED_MESSAGE
        assert session.closed
    else:
        hear(session, message)
        assert session.state is expected


@pytest.mark.attack
@pytest.mark.parametrize("message", AGENT_SAYS.values(), ids=world.name_of)
@pytest.mark.parametrize("state", HUB_STATES)
def test_a_hub_hears_only_what_its_table_allows(state: State, message: Message) -> None:
    session = hub_in(state)
    expected = HUB_TABLE.get((state, type(message)))
    if expected is None:
        assert rule(lambda: hear(session, message)) == Rule.UNEXPECTED_MESSAGE
        assert session.closed
    else:
        assert hear(session, message) == [message]
        assert session.state is expected


@pytest.mark.parametrize("state", HUB_STATES)
def test_a_hub_says_only_what_its_table_allows(state: State) -> None:
    said: dict[type[Message], Callable[[HubSession], None]] = {
        Welcome: lambda session: session.welcome(acked=0, keyset_version=3),
        Ack: lambda session: session.ack(0),
        type(world.order("x")): lambda session: session.order(world.order("x")),
        Enrolled: lambda session: session.answer(Enrolled("MIIB", world.signed_keyset())),
        EnrollRefused: lambda session: session.answer(REFUSED),
    }
    for kind, say in said.items():
        session = hub_in(state)
        if (state, kind) in HUB_TABLE:
            say(session)
            assert len(session.data_to_send()) == 1
        else:
            assert rule(lambda say=say, session=session: say(session)) == Rule.UNEXPECTED_MESSAGE  # type: ignore[misc]
            assert session.data_to_send() == []
            assert session.state is state


@pytest.mark.parametrize("state", AGENT_STATES)
def test_an_agent_says_only_what_its_table_allows(state: State) -> None:
    said: dict[type[Message], Callable[[AgentSession], None]] = {
        Hello: lambda session: session.hello(world.hello()),
        Event: lambda session: session.send(world.event(1)),
        type(world.FROM_AGENT[2]): lambda session: session.enroll(world.FROM_AGENT[2]),  # type: ignore[arg-type]
    }
    for kind, say in said.items():
        session = agent_in(state)
        if (state, kind) in AGENT_TABLE:
            say(session)
            assert len(session.data_to_send()) == 1
        else:
            assert rule(lambda say=say, session=session: say(session)) == Rule.UNEXPECTED_MESSAGE  # type: ignore[misc]
            assert session.data_to_send() == []
            assert session.state is state


def test_nothing_follows_the_closed_state() -> None:
    for table in (AGENT_TABLE, HUB_TABLE):
        assert not [key for key in table if key[0] is State.CLOSED]
        assert set(table.values()) <= {state for state, _ in table} | {State.CLOSED}


# --- handshake --------------------------------------------------------------------------------------------------


def test_the_newest_common_version_is_chosen() -> None:
    session = HubSession(known=True, now=T)
    hear(session, world.hello(versions=(999, 2, 1)))
    session.welcome(acked=0, keyset_version=3)
    assert max(VERSIONS) == 1
    assert session.data_to_send() == [guard(Welcome(1, 0, 3))]


def test_an_agent_without_a_common_version_is_refused() -> None:
    session = HubSession(known=True, now=T)
    assert rule(lambda: hear(session, world.hello(versions=(999, 998)))) == Rule.VERSION_UNSUPPORTED
    assert session.closed


@pytest.mark.attack
def test_a_hub_that_chooses_a_version_the_agent_did_not_offer_is_refused() -> None:
    session = agent_in(State.GREETING)
    assert rule(lambda: hear(session, Welcome(2, 0, 3))) == Rule.VERSION_UNSUPPORTED
    assert session.closed


def test_an_agent_resumes_behind_what_the_hub_holds() -> None:
    session = agent_in(State.GREETING, acked=5, last=9)
    assert hear(session, Welcome(1, 7, 3)) == [Welcome(1, 7, 3)]
    assert (session.acked, session.next_seq) == (7, 8)
    session.send(world.event(8))
    assert session.data_to_send() == [guard(world.event(8))]


@pytest.mark.attack
def test_a_hub_that_lost_acknowledged_events_is_refused() -> None:
    session = agent_in(State.GREETING, acked=5, last=9)
    assert rule(lambda: hear(session, Welcome(1, 4, 3))) == Rule.RESUME_BEHIND
    assert session.closed


@pytest.mark.attack
def test_a_hub_that_holds_events_this_agent_never_made_is_refused() -> None:
    """Another agent spoke in this one's name, or this one was restored from an old copy."""
    session = agent_in(State.GREETING, acked=5, last=9)
    assert rule(lambda: hear(session, Welcome(1, 10, 3))) == Rule.RESUME_AHEAD
    assert session.closed


@pytest.mark.attack
def test_a_silent_peer_is_dropped_when_the_handshake_time_is_over() -> None:
    for session in (agent_in(State.GREETING), agent_in(State.ENROLLING), hub_in(State.NEW), hub_in(State.ANONYMOUS)):
        assert session.deadline == T + HANDSHAKE_SECONDS
        session.tick(T + HANDSHAKE_SECONDS - 0.001)
        assert rule(lambda session=session: session.tick(T + HANDSHAKE_SECONDS)) == Rule.HANDSHAKE_TIMEOUT  # type: ignore[misc]
        assert session.closed


@pytest.mark.attack
def test_a_hello_that_comes_too_late_is_not_heard() -> None:
    session = hub_in(State.NEW)
    call = lambda: session.data_received(guard(world.hello()), T + HANDSHAKE_SECONDS)  # noqa: E731
    assert rule(call) == Rule.HANDSHAKE_TIMEOUT


def test_an_open_session_may_be_silent() -> None:
    for session in (agent_in(State.OPEN), hub_in(State.OPEN), hub_in(State.GREETING), hub_in(State.ENROLLING)):
        assert session.deadline is None
        session.tick(T + 1e9)
        assert not session.closed


def test_enrolment_is_one_question_and_one_answer() -> None:
    agent, hub = agent_in(State.NEW), hub_in(State.ANONYMOUS)
    agent.enroll(world.FROM_AGENT[2])  # type: ignore[arg-type]
    (question,) = agent.data_to_send()
    assert hub.data_received(question, T) == [world.FROM_AGENT[2]]
    hub.answer(REFUSED)
    (answer,) = hub.data_to_send()
    assert agent.data_received(answer, T) == [REFUSED]
    assert agent.closed
    assert hub.closed


# --- sequence numbers -------------------------------------------------------------------------------------------


@pytest.mark.attack
def test_an_event_that_the_hub_already_has_is_acknowledged_again_and_not_handed_on() -> None:
    hub = hub_in(State.OPEN, acked=3)
    assert hear(hub, world.event(4)) == [world.event(4)]
    hub.ack(4)
    hub.data_to_send()
    for seq in (4, 1, 3):
        assert hear(hub, world.event(seq)) == []
    assert hub.data_to_send() == [guard(Ack(4))] * 3


@pytest.mark.attack
def test_a_repeated_event_that_is_not_yet_durable_is_not_acknowledged_by_it() -> None:
    hub = hub_in(State.OPEN, acked=3)
    hear(hub, world.event(4))
    assert hear(hub, world.event(4)) == []
    assert hub.data_to_send() == [guard(Ack(3))]


@pytest.mark.attack
@pytest.mark.parametrize("seq", [5, 6, 1000])
def test_a_gap_in_the_sequence_ends_the_session(seq: int) -> None:
    hub = hub_in(State.OPEN, acked=3)
    assert rule(lambda: hear(hub, world.event(seq))) == Rule.SEQUENCE_GAP
    assert hub.closed


@pytest.mark.attack
def test_an_agent_that_ignores_the_window_is_refused() -> None:
    hub = hub_in(State.OPEN)
    for seq in range(1, WINDOW + 1):
        hear(hub, world.event(seq))
    assert rule(lambda: hear(hub, world.event(WINDOW + 1))) == Rule.WINDOW_EXCEEDED
    assert hub.closed


def test_an_acknowledgement_moves_the_window_on_both_sides() -> None:
    agent, hub = agent_in(State.OPEN), hub_in(State.OPEN)
    for seq in range(1, WINDOW + 1):
        assert agent.may_send
        agent.send(world.event(seq))
    assert not agent.may_send
    assert rule(lambda: agent.send(world.event(WINDOW + 1))) == Rule.WINDOW_EXCEEDED
    for frame in agent.data_to_send():
        hub.data_received(frame, T)
    hub.ack(1)
    for frame in hub.data_to_send():
        assert agent.data_received(frame, T) == [Ack(1)]
    assert agent.may_send
    agent.send(world.event(WINDOW + 1))
    assert hear(hub, world.event(WINDOW + 1))


@pytest.mark.parametrize("seq", [0, 1, 3, 4])
def test_an_agent_sends_only_the_next_event(seq: int) -> None:
    agent = agent_in(State.OPEN, acked=1)
    if seq == 0:
        with pytest.raises(ProtocolViolation):
            agent.send(world.event(seq))
    else:
        assert rule(lambda: agent.send(world.event(seq))) == Rule.SEQUENCE_GAP
    agent.send(world.event(2))


def test_an_event_that_the_guard_refuses_leaves_the_session_as_it_was() -> None:
    agent = agent_in(State.OPEN)
    smuggled = Event(1, world.NOW, "SMITH")  # type: ignore[arg-type]
    assert rule(lambda: agent.send(smuggled)) == Rule.OUTSIDE_LANGUAGE
    assert (agent.state, agent.next_seq, agent.data_to_send()) == (State.OPEN, 1, [])
    agent.send(world.event(1, world.BODIES[9]))
    assert len(agent.data_to_send()) == 1


@pytest.mark.attack
def test_an_acknowledgement_of_an_event_that_was_never_sent_ends_the_session() -> None:
    agent = agent_in(State.OPEN)
    agent.send(world.event(1))
    assert rule(lambda: hear(agent, Ack(2))) == Rule.ACK_BEYOND
    assert agent.closed
    assert agent.acked == 0


def test_a_stale_acknowledgement_says_nothing_new() -> None:
    agent = agent_in(State.OPEN)
    for seq in (1, 2, 3):
        agent.send(world.event(seq))
    assert hear(agent, Ack(2)) == [Ack(2)]
    assert hear(agent, Ack(2)) == hear(agent, Ack(1)) == hear(agent, Ack(0)) == []
    assert agent.acked == 2


def test_a_hub_cannot_acknowledge_what_never_arrived_and_never_takes_back() -> None:
    hub = hub_in(State.OPEN, acked=3)
    assert rule(lambda: hub.ack(4)) == Rule.ACK_BEYOND
    assert not hub.closed
    hub.ack(1)
    assert hub.data_to_send() == [guard(Ack(3))]


@pytest.mark.attack
@pytest.mark.parametrize("frame", [b"", b"null", b"[]", b"hello", b"{}", b'{"type":"event"}', b"\xff", b"[" * 99])
def test_a_bad_frame_ends_the_session_on_either_side(frame: bytes) -> None:
    for session in (agent_in(State.OPEN), hub_in(State.OPEN), hub_in(State.NEW), hub_in(State.ANONYMOUS)):
        with pytest.raises(ProtocolViolation):
            session.data_received(frame, T)
        assert session.closed


def test_each_frame_is_handed_out_once() -> None:
    agent = agent_in(State.OPEN)
    agent.send(world.event(1))
    agent.send(world.event(2))
    assert agent.data_to_send() == [guard(world.event(1)), guard(world.event(2))]
    assert agent.data_to_send() == []
