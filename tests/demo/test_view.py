"""What the demo makes of the hub's view."""

from __future__ import annotations

import msgspec
import pytest

from console.client import LinkLost
from console.wire import Changed, FleetView, GateView, PracticeView
from demo.view import Standing, View
from protocol.keyset import DEFAULT_POLICY
from protocol.messages import PhaseProgress
from protocol.signing import Signature
from protocol.statements import Evidence, ProfileDigests, SignedEvidence, Totals
from protocol.vocabulary import Alarm, Gate, GateState, Outcome, Phase, PhaseState

_NOW, _ME, _ID = 1_800_000_000, "a" * 32, "b" * 32
_FLEET = FleetView(_NOW, (PracticeView(_ID, "DEMO-1"),), (), 1, DEFAULT_POLICY)


def _changed(**values: object) -> Changed:
    return Changed(msgspec.structs.replace(_FLEET.practices[0], **values))


def test_a_run_that_has_said_nothing_is_under_way() -> None:
    assert View.first(_FLEET, _ME).standing(_NOW) is Standing.UNDER_WAY


def test_gates_that_call_themselves_open_without_evidence_do_not_complete_a_run() -> None:
    gates = tuple(GateView(gate, GateState.OPEN) for gate in Gate)
    view = View.first(_FLEET, _ME).after(_changed(gates=gates))
    assert view.standing(_NOW) is Standing.UNDER_WAY


def test_an_engine_that_gave_up_now_stops_the_demo_and_one_that_did_before_does_not() -> None:
    alarmed = _changed(alarms=(Alarm.ENGINE_GAVE_UP,))
    assert View.first(_FLEET, _ME).after(alarmed).standing(_NOW) is Standing.STUCK
    earlier = View.first(msgspec.structs.replace(_FLEET, practices=(alarmed.practice,)), _ME)
    assert earlier.standing(_NOW) is Standing.UNDER_WAY


def _failing() -> SignedEvidence:
    profiles = ProfileDigests("1" * 64, "2" * 64)
    totals = Totals(patients=1, images=1)
    evidence = Evidence(_ID, "c" * 32, Gate.RECONCILED, _NOW, "0.1.0", profiles, (), totals, None, 1.0)
    return SignedEvidence(evidence, Signature("0" * 64, "0" * 128))


def _progress(outcome: Outcome | None) -> PhaseProgress:
    state = PhaseState.RUNNING if outcome is None else PhaseState.ENDED
    return PhaseProgress(Phase.RECONCILE, 1, 1, 1, 1, 1, None, None, None, state, outcome)


def test_a_no_that_arrives_while_watching_is_the_answer() -> None:
    gates = (GateView(Gate.RECONCILED, GateState.CLOSED, _failing()),)
    assert View.first(_FLEET, _ME).after(_changed(gates=gates)).standing(_NOW) is Standing.ANSWER_IS_NO


def test_a_no_of_an_earlier_start_is_excused_until_its_phase_has_said_it_again() -> None:
    gates = (GateView(Gate.RECONCILED, GateState.CLOSED, _failing()),)
    ended, running = _progress(Outcome.ANSWER_IS_NO), _progress(None)
    before = _changed(gates=gates, progress=ended).practice
    view = View.first(msgspec.structs.replace(_FLEET, practices=(before,)), _ME)
    assert view.after(_changed(gates=gates, progress=ended)).standing(_NOW) is Standing.UNDER_WAY
    view = view.after(_changed(gates=gates, progress=running))
    assert view.standing(_NOW) is Standing.UNDER_WAY
    assert view.after(_changed(gates=gates, progress=ended)).standing(_NOW) is Standing.ANSWER_IS_NO


def test_a_lost_link_changes_nothing_that_was_seen() -> None:
    view = View.first(_FLEET, _ME)
    assert view.after(LinkLost(1.0)) is view


_PAUSED = _changed(paused=True)


@pytest.mark.parametrize("news", [_PAUSED, msgspec.structs.replace(_FLEET, practices=(_PAUSED.practice,))])
def test_news_of_one_practice_and_of_the_fleet_are_taken_in(news: Changed | FleetView) -> None:
    assert View.first(_FLEET, _ME).after(news).practice.paused
