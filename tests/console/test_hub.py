"""The hub between agents and operators, over real TLS."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed

from console import wire
from console.client import HubClient
from console.decisions import make_decision
from console.hub.store.tables import events
from console.operator import OperatorIdentity
from console.verdicts import gate_view, judge
from protocol import limits
from protocol.codec import encode
from protocol.errors import Refused
from protocol.messages import (
    AlarmReport,
    DecisionOrder,
    Event,
    EvidenceReport,
    GateReport,
    Heartbeat,
    KeySetOrder,
    Pause,
    PhaseProgress,
)
from protocol.signing import Signer
from protocol.statements import Decision, SignedDecision, sign_decision, statement_digest
from protocol.vocabulary import Alarm, DecisionVerdict, Gate, GateState, Outcome, Phase, PhaseState, Refusal, Role
from tests.console.firm import PASSPHRASE, Firm, report
from tests.simulators.agent import SimulatedAgent

HEARTBEAT = Heartbeat(None, False)


def progress(done: int, rate: float | None, outcome: Outcome | None = None) -> PhaseProgress:
    state = PhaseState.ENDED if outcome else PhaseState.RUNNING
    return PhaseProgress(Phase.DRY_RUN, done, 100, done, 100, done * 1000, rate, 10.0, 20.0, state, outcome)


def stored(firm: Firm, practice: str) -> int:
    counted = select(func.count()).where(events.c.practice == practice)
    return firm.database.read(lambda c: c.execute(counted).scalar_one())


async def fleet_when(hub: HubClient, wanted: Callable[[wire.PracticeView], bool]) -> wire.PracticeView:
    """The first view of a practice for which `wanted` holds."""
    async with aclosing(views(hub)) as seen:
        async for view in seen:
            if wanted(view):
                return view
    raise AssertionError("the watch ended")


async def views(hub: HubClient) -> AsyncGenerator[wire.PracticeView, None]:
    async for news in hub.watch():
        for view in news.practices if isinstance(news, wire.FleetView) else ():
            yield view
        if isinstance(news, wire.Changed):
            yield news.practice


async def first_fleet(hub: HubClient) -> wire.FleetView:
    async for news in hub.watch():
        if isinstance(news, wire.FleetView):
            return news
    raise AssertionError("the watch ended")


async def decided(hub: HubClient, operator: OperatorIdentity, signer: Signer | None = None) -> SignedDecision:
    """An approval of the only practice's DRY_RUN, as the console makes it."""
    fleet = await first_fleet(hub)
    return sign_decision(unsigned(fleet, operator, DecisionVerdict.APPROVE), signer or operator.unlock(PASSPHRASE))


def unsigned(fleet: wire.FleetView, operator: OperatorIdentity, verdict: DecisionVerdict) -> Decision:
    """A decision on the only practice's DRY_RUN."""
    now, nonce = int(time.time()), secrets.token_hex(16)
    judgement = judge(fleet.practices[0], Gate.DRY_RUN, fleet, operator.id, now)
    return make_decision(fleet.practices[0], judgement, verdict, fleet.policy, nonce=nonce, now=now)


async def waiting_gate(firm: Firm, practice: str) -> SimulatedAgent:
    """An agent whose DRY_RUN has passing evidence and waits for approvals."""
    agent = await firm.enrolled(practice)
    made = report(agent)
    digest = statement_digest(made.signed.evidence)
    agent.report(made, GateReport(Gate.DRY_RUN, GateState.WAITING, digest, 0, 2, 3))
    async with agent.connected() as link:
        await link.deliver()
    return agent


async def test_events_are_stored_once_however_often_they_arrive(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        agent = await firm.enrolled(practice)
        agent.report(*[HEARTBEAT] * 40)
        async with agent.connected() as link:
            await link.deliver()
            for event in agent.outbox[:10]:
                await link.socket.send(encode(event).decode())
            agent.report(HEARTBEAT)
            await link.deliver()
    assert stored(firm, practice) == 41


async def test_an_agent_that_lost_the_acknowledgements_resumes_where_the_hub_stands(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        agent = await firm.enrolled(practice)
        agent.report(*[HEARTBEAT] * 5)
        async with agent.connected() as link:
            await link.deliver()
        agent.acked = 0
        async with agent.connected() as link:
            assert link.session.next_seq == 6


async def test_more_events_than_the_window_arrive_in_order(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        agent = await firm.enrolled(practice)
        agent.report(*[progress(n % 100, float(n)) for n in range(limits.WINDOW * 3)])
        async with agent.connected() as link:
            await link.deliver()
    assert stored(firm, practice) == limits.WINDOW * 3


async def test_an_operator_sees_what_the_agent_says_as_it_happens(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    operator = firm.operator("Op One", Role.VIEWER)
    async with firm.serving():
        agent = await firm.enrolled(practice)
        async with HubClient(operator) as hub, agent.connected() as link:
            assert (await first_fleet(hub)).operators == (wire.OperatorView(operator.id, "Op One", Role.VIEWER),)
            agent.report(progress(10, 5.0), AlarmReport(Alarm.ENGINE_CRASHED), progress(20, 7.0))
            await link.deliver()
            view = await fleet_when(hub, lambda one: one.progress is not None and one.progress.images_done == 20)
            assert view.connected and view.rate_history == (5.0, 7.0) and view.alarms == (Alarm.ENGINE_CRASHED,)
        async with HubClient(operator) as hub:
            view = await fleet_when(hub, lambda one: not one.connected)
            assert view.progress is not None and view.last_heard is not None


async def test_a_phase_that_ended_well_answers_the_alarms_before_it(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving() as hub:
        agent = await firm.enrolled(practice)
        agent.report(AlarmReport(Alarm.ENGINE_CRASHED), progress(100, None, Outcome.DONE))
        async with agent.connected() as link:
            await link.deliver()
        (view,) = await hub.views()
    assert view.alarms == ()


async def test_a_decision_reaches_the_agent_and_counts_only_once_the_agent_has_applied_it(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    operator = firm.operator("Op One", Role.APPROVER)
    async with firm.serving():
        agent = await waiting_gate(firm, practice)
        async with HubClient(operator) as hub:
            signed = await decided(hub, operator)
            assert await hub.submit(signed) is None
            async with agent.connected() as link:
                order = await link.next_order()
                assert order.body == DecisionOrder(signed)
                view = await fleet_when(hub, lambda one: gate_view(one, Gate.DRY_RUN).approvals != ())
                assert gate_view(view, Gate.DRY_RUN).approvals[0].applied_at is None
                await link.answer(order, ledger=4)
                view = await fleet_when(hub, lambda one: bool(gate_view(one, Gate.DRY_RUN).approvals[0].applied_at))
    (approval,) = gate_view(view, Gate.DRY_RUN).approvals
    assert (approval.operator, approval.ledger, approval.refusal) == (operator.id, 4, None)


async def test_an_order_comes_again_under_the_same_id_until_it_is_answered(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    operator = firm.operator("Op One", Role.APPROVER)
    async with firm.serving():
        agent = await waiting_gate(firm, practice)
        async with HubClient(operator) as hub:
            await hub.submit(await decided(hub, operator))
        async with agent.connected() as link:
            first = await link.next_order()
    async with firm.serving():
        async with agent.connected() as link:
            again = await link.next_order()
            await link.answer(again, ledger=4)
        async with agent.connected() as link:
            agent.report(HEARTBEAT)
            await link.deliver()
    assert first == again and link.orders == []


async def test_the_same_decision_sent_twice_is_one_order(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    operator = firm.operator("Op One", Role.APPROVER)
    async with firm.serving() as running:
        await waiting_gate(firm, practice)
        async with HubClient(operator) as hub:
            signed = await decided(hub, operator)
            assert await hub.submit(signed) is None
            assert await hub.submit(signed) is None
        (view,) = await running.views()
    assert len(gate_view(view, Gate.DRY_RUN).approvals) == 1


async def test_an_agents_refusal_comes_back_with_its_reason(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    operator = firm.operator("Op One", Role.APPROVER)
    async with firm.serving():
        agent = await waiting_gate(firm, practice)
        async with HubClient(operator) as hub, agent.connected() as link:
            await hub.submit(await decided(hub, operator))
            await link.answer(await link.next_order(), refusal=Refusal.DECISION_REPLAYED)
            view = await fleet_when(hub, lambda one: bool(gate_view(one, Gate.DRY_RUN).approvals[0].refusal))
    assert gate_view(view, Gate.DRY_RUN).approvals[0].refusal is Refusal.DECISION_REPLAYED


async def test_a_new_operator_reaches_connected_agents_and_consoles_by_a_new_key_set(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    first = firm.operator("Op One", Role.APPROVER)
    async with firm.serving():
        agent = await firm.enrolled(practice)
        async with HubClient(first) as hub, agent.connected() as link:
            assert len((await first_fleet(hub)).operators) == 1
            firm.operator("Op Two", Role.APPROVER)
            order = await link.next_order()
            assert isinstance(order.body, KeySetOrder) and order.body.signed.keyset.version == 3
            assert len((await first_fleet(hub)).operators) == 2


async def test_a_key_set_goes_before_the_decisions_that_need_it(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    operator = firm.operator("Op One", Role.APPROVER)
    async with firm.serving():
        agent = await waiting_gate(firm, practice)
        async with HubClient(operator) as hub:
            await hub.submit(await decided(hub, operator))
        firm.operator("Op Two", Role.APPROVER)
        async with agent.connected() as link:
            kinds = [type((await link.next_order()).body), type((await link.next_order()).body)]
    assert kinds == [KeySetOrder, DecisionOrder]


async def test_an_admin_pauses_a_run_and_an_approver_may_not(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    admin, approver = firm.operator("Op Admin", Role.ADMIN), firm.operator("Op One", Role.APPROVER)
    async with firm.serving():
        agent = await firm.enrolled(practice)
        async with agent.connected() as link:
            async with HubClient(approver) as hub:
                await first_fleet(hub)
                assert await hub.command(practice, wire.Verb.PAUSE) is Refusal.ROLE_INSUFFICIENT
            async with HubClient(admin) as hub:
                await first_fleet(hub)
                assert await hub.command(practice, wire.Verb.PAUSE) is None
            assert (await link.next_order()).body == Pause()


@pytest.mark.attack
async def test_an_operator_without_the_role_is_refused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    viewer = firm.operator("Op View", Role.VIEWER)
    async with firm.serving():
        await waiting_gate(firm, practice)
        async with HubClient(viewer) as hub:
            assert await hub.submit(await decided(hub, viewer)) is Refusal.ROLE_INSUFFICIENT


@pytest.mark.attack
async def test_a_decision_signed_by_another_operator_is_refused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    one, two = firm.operator("Op One", Role.APPROVER), firm.operator("Op Two", Role.APPROVER)
    async with firm.serving():
        await waiting_gate(firm, practice)
        async with HubClient(one) as hub:
            signed = await decided(hub, one, two.unlock(PASSPHRASE))
            assert await hub.submit(signed) is Refusal.SIGNATURE_INVALID


@pytest.mark.attack
async def test_a_decision_that_was_changed_after_signing_is_refused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    operator = firm.operator("Op One", Role.APPROVER)
    async with firm.serving():
        await waiting_gate(firm, practice)
        async with HubClient(operator) as hub:
            fleet, signer = await first_fleet(hub), operator.unlock(PASSPHRASE)
            rejection = sign_decision(unsigned(fleet, operator, DecisionVerdict.REJECT), signer)
            forged = SignedDecision(unsigned(fleet, operator, DecisionVerdict.APPROVE), rejection.signature)
            assert await hub.submit(forged) is Refusal.SIGNATURE_INVALID


@pytest.mark.attack
async def test_a_decision_on_evidence_that_is_no_longer_the_newest_is_refused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    operator = firm.operator("Op One", Role.APPROVER)
    async with firm.serving():
        agent = await waiting_gate(firm, practice)
        async with HubClient(operator) as hub:
            signed = await decided(hub, operator)
            agent.report(report(agent, images=101))
            async with agent.connected() as link:
                await link.deliver()
            assert await hub.submit(signed) is Refusal.EVIDENCE_NOT_NEWEST


@pytest.mark.attack
@pytest.mark.parametrize(
    "frame",
    [
        "{}",
        "not json",
        '{"type":"shell","command":"id"}',
        '{"type":"event","seq":1,"at":1800000000,"body":{"type":"heartbeat","phase":null,"paused":false},"note":"x"}',
        '{"type":"event","seq":7,"at":1800000000,"body":{"type":"heartbeat","phase":null,"paused":false}}',
        "[" * 60_000,
        "x" * (limits.MAX_FRAME_BYTES + 1),
    ],
    ids=["empty", "no-json", "unknown-verb", "unknown-field", "gap", "deep", "oversize"],
)
async def test_a_frame_outside_the_language_ends_that_session_and_nothing_else(firm: Firm, frame: str) -> None:
    practice, other = firm.practice("ALDER-7"), firm.practice("BIRCH-4")
    async with firm.serving():
        bad, good = await firm.enrolled(practice), await firm.enrolled(other)
        async with good.connected() as healthy:
            async with bad.connected() as link:
                await link.socket.send(frame)
                with pytest.raises(ConnectionClosed) as closed:
                    await link.hear()
            assert closed.value.rcvd is not None and closed.value.rcvd.code in (1008, 1009)
            good.report(HEARTBEAT)
            await healthy.deliver()
    assert (stored(firm, practice), stored(firm, other)) == (0, 1)


@pytest.mark.attack
async def test_evidence_signed_by_another_key_or_for_another_practice_is_not_stored(firm: Firm) -> None:
    alder, birch = firm.practice("ALDER-7"), firm.practice("BIRCH-4")
    async with firm.serving():
        agent, other = await firm.enrolled(alder), await firm.enrolled(birch)
        for foreign in (report(other), _for(agent, birch)):
            agent.outbox, agent.acked = [Event(1, int(time.time()), foreign)], 0
            async with agent.connected() as link:
                with pytest.raises(ConnectionClosed):
                    await link.deliver()
    assert stored(firm, alder) == stored(firm, birch) == 0


@pytest.mark.attack
async def test_a_second_connection_of_the_same_agent_ends_the_first(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        agent = await firm.enrolled(practice)
        async with agent.connected() as first, agent.connected() as second:
            with pytest.raises(ConnectionClosed) as closed:
                await first.hear()
            agent.report(HEARTBEAT)
            await second.deliver()
    assert closed.value.rcvd is not None and closed.value.rcvd.reason == wire.Goodbye.SUPERSEDED


@pytest.mark.attack
async def test_an_operators_certificate_without_a_place_in_the_key_set_opens_nothing(firm: Firm) -> None:
    known = firm.operator("Op One", Role.ADMIN)
    stranger = _stranger(firm)
    async with firm.serving():
        async with HubClient(known) as hub:
            await first_fleet(hub)
        async with HubClient(stranger) as hub:
            with pytest.raises(Refused):
                await first_fleet(hub)


def _for(agent: SimulatedAgent, practice: str) -> EvidenceReport:
    own = agent.practice
    agent.practice = practice
    try:
        return report(agent)
    finally:
        agent.practice = own


def _stranger(firm: Firm) -> OperatorIdentity:
    """Somebody with a certificate of the right authority whom no key set names."""
    from cryptography.x509 import random_serial_number

    from console.hub import staff
    from console.operator import save

    person = staff.Person(secrets.token_hex(16), "Nobody", Role.ADMIN)
    made = staff.equip(person, firm.home, PASSPHRASE, staff.operator_term(int(time.time()), random_serial_number()))
    save(made.identity, firm.folder / person.id)
    return OperatorIdentity.load(firm.folder / person.id)
