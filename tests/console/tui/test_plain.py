"""The console as lines."""

from __future__ import annotations

from datetime import UTC

import msgspec
import pytest

from console.client import LinkLost
from console.tui.plain import Teller, watch
from console.tui.ports import World
from console.tui.state import State
from console.wire import Changed
from protocol.errors import EnvironmentProblem
from tests.console.tui.world import ADMIN, Clock, FakeHub, FakeOperator, night, practice, running, waiting

WORLD = World(Clock(), UTC, lambda: "e" * 32)


def test_the_fleet_is_told_first_what_needs_me_on_top() -> None:
    lines = Teller(State(ADMIN), WORLD).tell(night())
    assert lines[0] == "01:12:00 Connected to the hub. 6 practices: 1 needs you · 2 in trouble · 1 running · 2 quiet."
    assert lines[1].startswith("01:12:00 MAPLE-2: DRY_RUN waits for your decision, 1 of 2 approvals given")
    assert len(lines) == 7


def test_only_what_changed_is_told_again() -> None:
    teller = Teller(State(ADMIN), WORLD)
    teller.tell(night())
    running_one = night().practices[1]
    assert teller.tell(Changed(msgspec.structs.replace(running_one, last_heard=running_one.last_heard))) == []
    further = msgspec.structs.replace(running_one, progress=running(images_done=90_000))
    assert [line[9:16] for line in teller.tell(Changed(further))] == ["BIRCH-4"]


def test_a_lost_link_and_its_return_are_told_once() -> None:
    teller = Teller(State(ADMIN), WORLD)
    teller.tell(night())
    assert "No connection to the hub" in teller.tell(LinkLost(3))[0]
    assert teller.tell(LinkLost(6)) == []
    assert "Connected to the hub" in teller.tell(night())[0]


async def test_lines_come_until_the_hub_ends_it() -> None:
    hub, lines = FakeHub(), list[str]()
    for news in (night(), Changed(waiting(9, "YEW-1")), EnvironmentProblem("the hub cannot be trusted")):
        hub.news.put_nowait(news)
    with pytest.raises(EnvironmentProblem):
        await watch(FakeOperator(), hub, WORLD, lines.append)
    assert lines[0] == "Connecting to the hub." and any("YEW-1" in line for line in lines)


def test_a_practice_without_anything_is_told_too() -> None:
    alone = practice(1, "ALDER-7", connected=False, last_heard=None, agent_key=None)
    teller = Teller(State(ADMIN), WORLD)
    seen = msgspec.structs.replace(night(), practices=(alone,))
    assert "No agent is enrolled" in teller.tell(seen)[1]
