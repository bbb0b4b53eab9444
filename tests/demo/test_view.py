"""What the demo makes of the hub's view."""

from __future__ import annotations

import msgspec
import pytest

from console.client import LinkLost
from console.wire import Changed, FleetView, GateView, PracticeView
from demo.view import Standing, View
from protocol.keyset import DEFAULT_POLICY
from protocol.vocabulary import Alarm, Gate, GateState

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


def test_a_lost_link_changes_nothing_that_was_seen() -> None:
    view = View.first(_FLEET, _ME)
    assert view.after(LinkLost(1.0)) is view


_PAUSED = _changed(paused=True)


@pytest.mark.parametrize("news", [_PAUSED, msgspec.structs.replace(_FLEET, practices=(_PAUSED.practice,))])
def test_news_of_one_practice_and_of_the_fleet_are_taken_in(news: Changed | FleetView) -> None:
    assert View.first(_FLEET, _ME).after(news).practice.paused
