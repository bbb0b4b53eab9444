"""The practice opens: conversion holds, over restarts, until the evening or until a person resumes it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent import compose, status
from agent.attempts import Attempts, Ending, judge_exit
from agent.link import LinkState
from agent.orders import forget_night, night_hold, remember_night
from agent.outbox import Outbox
from agent.road import AwaitNight, Hold, NightHold, RunPhase, next_step
from agent.supervisor import Activity
from agent.words import sentence
from protocol.messages import AlarmReport, Pause, PhaseProgress, Resume
from protocol.vocabulary import Alarm, Gate, GateState, Outcome, Phase, PhaseState
from tests.agent.conftest import Practice
from tests.agent.test_road import OPEN, D, standings
from tests.agent.test_run import FAST, approve_dry_run, running, state, walk_to_dry_run
from tests.simulators.hub import SimulatedHub

NOW = 1_800_000_000
AT_CONVERSION = standings(OPEN, OPEN, OPEN)


@pytest.mark.parametrize("resumes_at", [None, NOW])
def test_conversion_waits_for_the_night_and_no_other_phase_does(resumes_at: int | None) -> None:
    night = NightHold(resumes_at)
    assert next_step(AT_CONVERSION, Hold.NONE, "", night) == AwaitNight(resumes_at)
    assert next_step(AT_CONVERSION, Hold.NONE, "") == RunPhase(Phase.CONVERT)
    assert next_step(standings(OPEN, OPEN), Hold.NONE, "", night) == RunPhase(Phase.DRY_RUN)
    assert next_step(standings(OPEN, OPEN, OPEN, OPEN), Hold.NONE, "", night) == RunPhase(Phase.RECONCILE)
    assert next_step(standings(OPEN, OPEN, OPEN, (GateState.CLOSED, D)), Hold.NONE, D, night) == AwaitNight(resumes_at)


def test_the_evening_lifts_a_hold_that_names_it_and_only_a_person_lifts_the_other(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite", None)
    assert night_hold(outbox, NOW) is None
    remember_night(outbox, NOW + 60)
    assert night_hold(outbox, NOW + 59) == NightHold(NOW + 60)
    assert night_hold(outbox, NOW + 60) is None
    remember_night(outbox, None)
    assert night_hold(outbox, NOW + 10**9) == NightHold(None)
    forget_night(outbox)
    assert night_hold(outbox, NOW) is None


@pytest.mark.parametrize("said", [Outcome.DEADLINE, Outcome.UNTIL_EVENING])
def test_a_nights_end_is_no_failure_and_forgives_what_went_before(said: Outcome) -> None:
    assert judge_exit(4, said) is Ending.NIGHT_OVER
    assert judge_exit(5, said) is Ending.UNAVAILABLE
    assert judge_exit(-9, said) is Ending.CRASHED
    tried = Attempts(Phase.CONVERT).after(Ending.CRASHED, 0).after(Ending.CRASHED, 0)
    assert tried.after(Ending.NIGHT_OVER, 0) == Attempts(Phase.CONVERT)


def test_the_agent_says_what_it_waits_for_and_how_long() -> None:
    assert sentence(AwaitNight(NOW + 4 * 3600 + 55 * 60), NOW).endswith("in 4 h 55 min")
    assert sentence(AwaitNight(NOW + 5), NOW).endswith("in 1 min")
    assert "the firm orders resume" in sentence(AwaitNight(None), NOW)
    published = status.document(NOW, Activity(AwaitNight(NOW + 60)), LinkState(False, NOW), 0, 0)
    assert published["resumes_at"] == NOW + 60 and "1 min" in published["does"]


async def _at_conversion(hub: SimulatedHub) -> None:
    await walk_to_dry_run(hub)
    await approve_dry_run(hub)


def _outcomes(hub: SimulatedHub) -> list[Outcome | None]:
    return [body.outcome for body in hub.memory.bodies(PhaseProgress) if body.state is PhaseState.ENDED]


async def test_stopped_at_the_deadline_it_holds_over_a_restart_until_a_person_resumes(
    practice: Practice, hub: SimulatedHub
) -> None:
    practice.set_phases(convert={"mode": "night", "until": 3})
    await practice.enroll(hub)
    async with running(practice) as agent:
        await _at_conversion(hub)
        await hub.until(lambda: Outcome.DEADLINE in _outcomes(hub))
        await hub.until(lambda: agent.supervisor.activity.step == AwaitNight(None))
    async with running(practice) as agent:
        await hub.until(lambda: len(hub.memory.hellos) == 2)
        await asyncio.sleep(0.3)
        assert agent.supervisor.activity.step == AwaitNight(None)
        assert practice.starts.count("convert") == 1
        last = [body for body in hub.memory.bodies(PhaseProgress) if body.phase is Phase.CONVERT][-1]
        assert (last.patients_done, last.patients_total) == (3, 6)
        practice.set_phases()
        hub.order(Resume())
        await hub.until(lambda: state(hub, Gate.RECONCILED) is GateState.OPEN)
    assert practice.starts.count("convert") == 2
    assert not hub.memory.bodies(AlarmReport)


async def test_with_an_evening_named_it_goes_on_by_itself(practice: Practice, hub: SimulatedHub) -> None:
    now = compose.utc()
    clocks = replace(FAST, utc=lambda: now)
    practice.set_phases(convert={"mode": "night", "until": 3, "resumes_at": now + 4 * 3600})
    await practice.enroll(hub)
    async with running(practice, clocks) as agent:
        await _at_conversion(hub)
        await hub.until(lambda: Outcome.UNTIL_EVENING in _outcomes(hub))
        await hub.until(lambda: agent.supervisor.activity.step == AwaitNight(now + 4 * 3600))
        await asyncio.sleep(0.3)
        assert practice.starts.count("convert") == 1
        practice.set_phases()
        now += 4 * 3600
        agent.supervisor.on_order(None)  # wakes it, as its next look at the clock would
        await hub.until(lambda: state(hub, Gate.RECONCILED) is GateState.OPEN)


async def test_a_resume_that_comes_before_the_process_has_quite_ended_is_the_later_word(
    practice: Practice, hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice.set_phases(convert={"mode": "night", "until": 3})
    await practice.enroll(hub)
    async with running(practice) as agent:
        await _at_conversion(hub)
        heard = agent.supervisor._take_ending

        def with_a_resume(event: object) -> None:
            heard(event)  # type: ignore[arg-type]
            practice.set_phases()
            forget_night(agent.outbox)

        monkeypatch.setattr(agent.supervisor, "_take_ending", with_a_resume)
        await hub.until(lambda: state(hub, Gate.RECONCILED) is GateState.OPEN)
    assert practice.starts.count("convert") == 2


async def test_a_resume_by_day_leaves_the_hub_how_far_the_night_came(practice: Practice, hub: SimulatedHub) -> None:
    evening = compose.utc() + 4 * 3600
    practice.set_phases(convert={"mode": "night", "until": 3, "resumes_at": evening})
    await practice.enroll(hub)
    async with running(practice) as agent:
        await _at_conversion(hub)
        await hub.until(lambda: _outcomes(hub).count(Outcome.UNTIL_EVENING) == 1)
        practice.set_phases(convert={"mode": "day", "resumes_at": evening})
        hub.order(Resume())
        await hub.until(lambda: practice.starts.count("convert") == 2)
        await hub.until(lambda: agent.supervisor.activity.step == AwaitNight(evening))
        await asyncio.sleep(0.3)
    last = [body for body in hub.memory.bodies(PhaseProgress) if body.phase is Phase.CONVERT][-1]
    assert (last.patients_done, last.patients_total) == (3, 6)
    assert last.outcome is Outcome.UNTIL_EVENING


async def test_a_pause_during_the_hold_is_the_persons_and_its_end_lifts_both(
    practice: Practice, hub: SimulatedHub
) -> None:
    practice.set_phases(convert={"mode": "night", "until": 3})
    await practice.enroll(hub)
    async with running(practice):
        await _at_conversion(hub)
        await hub.until(lambda: Outcome.DEADLINE in _outcomes(hub))
        hub.order(Pause())
        practice.set_phases()
        hub.order(Resume())
        await hub.until(lambda: state(hub, Gate.RECONCILED) is GateState.OPEN)
    assert Alarm.ENGINE_CRASHED not in [body.alarm for body in hub.memory.bodies(AlarmReport)]
