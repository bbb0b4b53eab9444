"""What each event does to the state."""

from __future__ import annotations

import msgspec

from console.tui.state import (
    CommandAnswered,
    CommandSent,
    DecisionAnswered,
    DecisionSent,
    FaultsToggled,
    FleetHeard,
    Link,
    LinkEnded,
    LinkLost,
    NeedsMeToggled,
    Order,
    OrderTurned,
    PracticeHeard,
    Sent,
    State,
    WordsTyped,
    after,
)
from console.wire import Verb
from protocol.vocabulary import DecisionVerdict, Gate, Refusal, Role
from tests.console.tui.world import ADMIN, ME, NOW, fleet, night, state_of, waiting

SENT = Sent(waiting().id, Gate.DRY_RUN, DecisionVerdict.APPROVE, "a" * 64, NOW)


def test_before_anything_was_heard_there_is_no_fleet() -> None:
    assert State(ADMIN).link is Link.CONNECTING and State(ADMIN).fleet is None


def test_the_fleet_makes_the_link_live_and_replaces_every_practice() -> None:
    first = state_of(night())
    second = after(after(first, LinkLost(NOW + 3)), FleetHeard(fleet(waiting()), NOW + 5))
    assert len(first.practices) == 6 and list(second.practices) == [waiting().id]
    assert (second.link, second.heard_at, second.retry_at) == (Link.LIVE, NOW + 5, None)


def test_a_changed_practice_leaves_the_others_alone() -> None:
    before = state_of(night())
    changed = msgspec.structs.replace(waiting(), paused=True)
    now = after(before, PracticeHeard(changed, NOW + 1))
    assert now.practices[changed.id].paused and len(now.practices) == 6
    assert not before.practices[changed.id].paused


def test_a_lost_link_keeps_what_was_seen_and_when() -> None:
    lost = after(state_of(night()), LinkLost(NOW + 12))
    assert lost.link is Link.LOST and len(lost.practices) == 6
    assert (lost.heard_at, lost.retry_at) == (NOW, NOW + 12)


def test_an_ended_link_says_why_and_what_to_do() -> None:
    ended = after(state_of(night()), LinkEnded("refused", "ask an admin"))
    assert (ended.link, ended.problem, ended.next_step) == (Link.ENDED, "refused", "ask an admin")


def test_the_role_is_that_of_the_key_set_and_not_of_the_folder() -> None:
    seen = fleet(waiting())
    as_viewer = tuple(msgspec.structs.replace(one, role=Role.VIEWER) for one in seen.operators)
    state = state_of(msgspec.structs.replace(seen, operators=as_viewer))
    assert (State(ADMIN).role, state.role, state.me.id) == (Role.ADMIN, Role.VIEWER, ME)


def test_a_decision_is_remembered_with_the_answer_of_the_hub() -> None:
    sent = after(state_of(night()), DecisionSent("d" * 64, SENT))
    refused = after(sent, DecisionAnswered("d" * 64, NOW + 1, Refusal.WRONG_POLICY))
    assert sent.sent["d" * 64].answered_at is None
    assert refused.sent["d" * 64].refusal is Refusal.WRONG_POLICY


def test_a_pause_is_pending_until_the_agent_says_that_it_is_paused() -> None:
    view = waiting()
    asked = after(state_of(fleet(view)), CommandSent(view.id, Verb.PAUSE, NOW))
    stored = after(asked, CommandAnswered(view.id, NOW + 1))
    still = after(stored, PracticeHeard(view, NOW + 2))
    obeyed = after(still, PracticeHeard(msgspec.structs.replace(view, paused=True), NOW + 3))
    assert stored.asked[view.id].is_stored and view.id in still.asked and not obeyed.asked


def test_a_refused_pause_stays_to_be_read() -> None:
    view = waiting()
    asked = after(state_of(fleet(view)), CommandSent(view.id, Verb.PAUSE, NOW))
    refused = after(asked, CommandAnswered(view.id, NOW + 1, Refusal.ROLE_INSUFFICIENT))
    assert refused.asked[view.id].refusal is Refusal.ROLE_INSUFFICIENT


def test_an_answer_to_a_command_that_is_already_obeyed_changes_nothing() -> None:
    view = msgspec.structs.replace(waiting(), paused=True)
    asked = after(state_of(fleet(view)), CommandSent(view.id, Verb.PAUSE, NOW))
    obeyed = after(asked, PracticeHeard(view, NOW + 1))
    assert after(obeyed, CommandAnswered(view.id, NOW + 2)) == obeyed


def test_orders_take_turns_and_filters_toggle() -> None:
    state = State(ADMIN)
    for expected in (Order.CODE, Order.FINISH, Order.HEARD, Order.URGENCY):
        state = after(state, OrderTurned())
        assert state.order is expected
    assert (
        after(state, FaultsToggled()).faults_only
        and not after(after(state, FaultsToggled()), FaultsToggled()).faults_only
    )
    assert after(state, NeedsMeToggled()).needs_me_only and after(state, WordsTyped("elm")).words == "elm"
