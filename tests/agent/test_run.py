"""The agent at work: a small hub over real TLS on one side, a fake engine in a child process on the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agent import compose, egress
from agent.egress_head import read_marks
from agent.failures import Failure
from agent.road import AwaitResume
from agent.supervisor import Clocks
from protocol.errors import EnvironmentProblem
from protocol.messages import (
    AlarmReport,
    DecisionOrder,
    KeySetOrder,
    OrderResult,
    Pause,
    PhaseProgress,
    Resume,
    Stop,
)
from protocol.vocabulary import Alarm, DecisionVerdict, Gate, GateState, Outcome, PhaseState, Refusal
from tests.agent.conftest import Practice
from tests.simulators.hub import SimulatedHub

FAST = replace(compose.CLOCKS, random=lambda: 0.02)


@asynccontextmanager
async def running(practice: Practice, clocks: Clocks = FAST) -> AsyncIterator[compose.Agent]:
    """The agent, working until the block ends."""
    agent = compose.build(practice.folder, practice.command, clocks)
    work = asyncio.create_task(compose.work(agent))
    try:
        yield agent
        assert not work.done() or work.result() is not None
    finally:
        agent.supervisor.request_stop()
        await work


def _told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What the agent says in its own log from now on."""
    told: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr("agent.log.tell", lambda event, **codes: told.append((event, codes)))
    return told


def state(hub: SimulatedHub, gate: Gate) -> GateState | None:
    report = hub.memory.gate(gate)
    return report.state if report else None


async def walk_to_dry_run(hub: SimulatedHub) -> None:
    """Approve what stands before the dry run's evidence."""
    await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
    hub.approve(Gate.PROFILE_PROVEN, "ann")
    await hub.until(lambda: state(hub, Gate.DRY_RUN) is GateState.WAITING)


async def approve_dry_run(hub: SimulatedHub) -> None:
    hub.approve(Gate.DRY_RUN, "ann")
    hub.approve(Gate.DRY_RUN, "ben")


async def test_a_whole_road_is_walked_and_everything_reaches_the_hub_once(
    practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    async with running(practice):
        await walk_to_dry_run(hub)
        assert practice.starts == ["stage", "prove", "dry-run"]
        await approve_dry_run(hub)
        await hub.until(lambda: state(hub, Gate.RECONCILED) is GateState.OPEN)
        await hub.until(lambda: len(hub.memory.results) == 3)
    assert practice.starts == ["stage", "prove", "dry-run", "convert", "reconcile"]
    assert sorted(hub.memory.events) == list(range(1, len(hub.memory.events) + 1))
    for gate in (Gate.STAGED, Gate.PROFILE_PROVEN, Gate.DRY_RUN, Gate.CONVERTED, Gate.RECONCILED):
        assert len(hub.memory.evidence(gate)) == 1
    assert all(result.outcome is Outcome.DONE and result.ledger for result in hub.memory.results.values())
    assert hub.memory.repeated == 0


async def test_the_egress_log_holds_every_frame_the_hub_got(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
    found = egress.verify(practice.home.egress)
    assert found.frames == len(hub.memory.enrolled) + len(hub.memory.hellos) + len(hub.memory.events)


@pytest.mark.attack
@pytest.mark.parametrize("change", ["cut", "gone"])
async def test_an_altered_egress_log_is_told_at_every_start_and_stops_nothing(
    practice: Practice, hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    told = _told(monkeypatch)
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: state(hub, Gate.STAGED) is GateState.OPEN)
    whole = practice.home.egress.read_bytes().splitlines(keepends=True)
    practice.home.egress.unlink() if change == "gone" else practice.home.egress.write_bytes(b"".join(whole[:-1]))
    for start in (2, 3):
        told.clear()
        async with running(practice):
            await hub.until(lambda seen=start: len(hub.memory.hellos) == seen)
        assert ("egress-log-altered", {"frames": len(whole)}) in told
    with pytest.raises(EnvironmentProblem, match="not what the agent wrote"):
        egress.verify_whole(practice.home.egress, lambda: read_marks(practice.home.outbox))


async def test_what_an_agent_sent_is_remembered_to_its_last_frame(
    practice: Practice, hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = _told(monkeypatch)
    await practice.enroll(hub)
    for _ in range(2):
        async with running(practice):
            await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
    assert egress.verify_whole(practice.home.egress, lambda: read_marks(practice.home.outbox))[1]
    assert not [event for event, _ in told if event.startswith("egress-log")]


async def test_a_cut_network_loses_and_doubles_nothing(practice: Practice, hub: SimulatedHub) -> None:
    practice.set_phases(stage={"images": 60, "seconds": 0.02})
    await practice.enroll(hub)
    async with running(practice):
        for cuts in range(1, 5):
            await hub.until(lambda: hub.memory.bodies(PhaseProgress) and hub.connections)
            hub.acknowledges = cuts % 2 == 0  # half of the cuts lose acknowledgements as well
            await asyncio.sleep(0.15)
            hub.cut()
            await hub.until(lambda seen=cuts: len(hub.memory.hellos) > seen)
        hub.acknowledges = True
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
    assert len(hub.memory.evidence(Gate.STAGED)) == 1
    assert [h.join_sequence for h in hub.memory.hellos] == sorted({h.join_sequence for h in hub.memory.hellos})


async def test_without_a_hub_the_road_is_walked_as_far_as_approvals_go(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    await hub.stop()
    async with running(practice) as agent:
        async with asyncio.timeout(20):
            while practice.ledger.standings()[Gate.PROFILE_PROVEN].state is not GateState.WAITING:
                await asyncio.sleep(0.05)
        assert not agent.link.state.connected
        await hub.start()
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
    stage = [b for b in hub.memory.bodies(PhaseProgress) if b.phase == "stage"]
    assert [b.state for b in stage] == [PhaseState.ENDED]


async def test_pause_holds_the_phase_and_resume_lets_it_go_on(practice: Practice, hub: SimulatedHub) -> None:
    practice.set_phases(stage={"images": 50, "seconds": 0.02})
    await practice.enroll(hub)
    count = practice.folder / "fake-stage.count"
    async with running(practice):
        await hub.until(lambda: count.exists() and hub.connections)
        hub.order(Pause())
        await hub.until(lambda: len(hub.memory.results) == 1)
        await asyncio.sleep(0.3)
        held = count.read_text()
        await asyncio.sleep(0.3)
        assert count.read_text() == held
        hub.order(Resume())
        await hub.until(lambda: hub.memory.evidence(Gate.STAGED))
    assert practice.starts[:1] == ["stage"] and practice.starts.count("stage") == 1


async def test_stop_ends_the_phase_and_outlives_a_restart_until_resume(practice: Practice, hub: SimulatedHub) -> None:
    practice.set_phases(stage={"images": 50, "seconds": 0.02})
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: (practice.folder / "fake-stage.count").exists() and hub.connections)
        hub.order(Stop())
        ended = [PhaseState.ENDED]
        await hub.until(lambda: [b.state for b in hub.memory.bodies(PhaseProgress)][-1:] == ended)
    async with running(practice):
        await hub.until(lambda: len(hub.memory.hellos) == 2)
        await asyncio.sleep(0.3)
        assert practice.starts == ["stage"]
        hub.order(Resume())
        await hub.until(lambda: hub.memory.evidence(Gate.STAGED))
    assert int((practice.folder / "fake-stage.count").read_text()) == 50


async def test_evidence_that_failed_waits_for_resume_and_is_then_tried_once(
    practice: Practice, hub: SimulatedHub
) -> None:
    practice.set_phases(stage={"mode": "fail"})
    await practice.enroll(hub)
    async with running(practice) as agent:
        await hub.until(lambda: state(hub, Gate.STAGED) is GateState.CLOSED and hub.memory.evidence(Gate.STAGED))
        await asyncio.sleep(0.3)
        assert practice.starts == ["stage"]
        hub.order(Resume())
        await hub.until(lambda: len(practice.starts) == 2)
        await hub.until(lambda: isinstance(agent.supervisor.activity.step, AwaitResume))
        assert practice.starts == ["stage", "stage"]
        practice.set_phases(stage={"mode": "pass"})
        hub.order(Resume())
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)


async def test_a_rejected_gate_waits_for_resume(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
        evidence = hub.memory.evidence(Gate.PROFILE_PROVEN)[-1]
        hub.order(DecisionOrder(hub.firm.decide(evidence, "ann", DecisionVerdict.REJECT)))
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.REJECTED)
        hub.order(Resume())
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
    assert practice.starts == ["stage", "prove", "prove"]


async def test_a_resume_that_comes_before_the_phase_has_quite_ended_is_not_lost(
    practice: Practice, hub: SimulatedHub
) -> None:
    practice.set_phases(prove={"linger": 1.5})
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
        evidence = hub.memory.evidence(Gate.PROFILE_PROVEN)[-1]
        hub.order(DecisionOrder(hub.firm.decide(evidence, "ann", DecisionVerdict.REJECT)))
        resume = hub.order(Resume())
        await hub.until(lambda: resume in hub.memory.results)
        await hub.until(lambda: practice.starts == ["stage", "prove", "prove"])


async def test_an_order_repeated_by_the_hub_is_answered_and_not_carried_out_again(
    practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
        order = hub.approve(Gate.PROFILE_PROVEN, "ann")
        await hub.until(lambda: order in hub.memory.results)
        first = hub.memory.results.pop(order)
        hub.cut()
        await hub.until(lambda: order in hub.memory.results)
    assert hub.memory.results[order] == first
    assert len(hub.memory.bodies(OrderResult)) == 2
    decisions = [r for r in practice.ledger.entries() if type(r.entry).__name__ == "DecisionRecorded"]
    assert len(decisions) == 1


async def test_a_newer_key_set_is_taken_and_an_older_one_refused(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: hub.connections)
        newer = hub.order(KeySetOrder(hub.firm.keyset(5)))
        await hub.until(lambda: newer in hub.memory.results)
        older = hub.order(KeySetOrder(hub.firm.keyset(4)))
        await hub.until(lambda: older in hub.memory.results)
    assert hub.memory.results[newer].outcome is Outcome.DONE
    assert hub.memory.results[older].refusal is Refusal.KEYSET_OLDER
    keyset = practice.ledger.state().keyset
    assert keyset and keyset.version == 5


@pytest.mark.fault
@pytest.mark.parametrize("mode", ["crash", "silent", "unavailable"])
async def test_an_engine_that_dies_is_started_again_until_it_works(
    practice: Practice, hub: SimulatedHub, mode: str
) -> None:
    practice.set_phases(stage={"mode": mode})
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: len(practice.starts) >= 3)
        practice.set_phases(stage={"mode": "pass"})
        await hub.until(lambda: hub.memory.evidence(Gate.STAGED))


@pytest.mark.fault
@pytest.mark.parametrize(("mode", "starts"), [("crash", 5), ("unusable", 1)])
async def test_an_engine_that_keeps_dying_is_given_up_until_resume(
    practice: Practice, hub: SimulatedHub, mode: str, starts: int
) -> None:
    practice.set_phases(stage={"mode": mode})
    await practice.enroll(hub)
    async with running(practice):
        gave_up = AlarmReport(Alarm.ENGINE_GAVE_UP)
        await hub.until(lambda: gave_up in hub.memory.bodies(AlarmReport))
        await asyncio.sleep(0.5)
        assert len(practice.starts) == starts
        practice.set_phases()
        hub.order(Resume())
        await hub.until(lambda: hub.memory.evidence(Gate.STAGED))


@pytest.mark.fault
async def test_a_damaged_ledger_stops_the_road_and_is_told_until_it_is_restored(
    practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    ledger = practice.folder / "ledger.jsonl"
    good = ledger.read_text()
    ledger.write_text(good.replace(hub.firm.practice, "0" * 32, 1))
    async with running(practice):
        await hub.until(lambda: AlarmReport(Alarm.LEDGER_DAMAGED) in hub.memory.bodies(AlarmReport))
        assert practice.starts == []
        ledger.write_text(good)
        await hub.until(lambda: state(hub, Gate.STAGED) is GateState.OPEN)
    assert len(hub.memory.bodies(AlarmReport)) == 1


@pytest.mark.fault
async def test_an_engine_that_does_not_hear_stop_is_ended_in_the_end(
    practice: Practice, hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.engine_process.STOP_SECONDS", 0.3)
    practice.set_phases(stage={"mode": "deaf", "images": 5000, "seconds": 0.02})
    await practice.enroll(hub)
    async with running(practice) as agent:
        await hub.until((practice.folder / "fake-stage.count").exists)
    assert agent.supervisor.interrupted


@pytest.mark.fault
async def test_nothing_is_sent_that_the_egress_log_cannot_keep(
    practice: Practice, hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await practice.enroll(hub)

    def full(*_: object) -> None:
        raise EnvironmentProblem("no space left")

    monkeypatch.setattr(egress.EgressLog, "record", full)
    async with running(practice) as agent:
        async with asyncio.timeout(20):
            while agent.link.state.failure is None:
                await asyncio.sleep(0.02)
        assert agent.link.state.failure is Failure.LOCAL
        assert not hub.memory.hellos


async def test_an_approval_that_arrives_during_a_phase_is_told_at_once(practice: Practice, hub: SimulatedHub) -> None:
    practice.set_phases(dry_run={"images": 4000, "seconds": 0.02})
    await practice.enroll(hub)
    async with running(practice):
        await hub.until(lambda: state(hub, Gate.PROFILE_PROVEN) is GateState.WAITING)
        hub.approve(Gate.PROFILE_PROVEN, "ann")
        await hub.until(lambda: practice.starts[-1] == "dry-run")
        hub.approve(Gate.PROFILE_PROVEN, "ben")

        def both() -> bool:
            report = hub.memory.gate(Gate.PROFILE_PROVEN)
            return report is not None and report.approvals == 2

        await hub.until(both)
