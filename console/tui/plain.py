"""The console as lines: the fleet, then every change, for screen readers and scripts."""

from __future__ import annotations

import sys
from collections.abc import Callable

from console.client import LinkLost as ClientLinkLost
from console.client import News
from console.tui import figures
from console.tui.pages import fleet as page
from console.tui.ports import Hub, Operator, World
from console.tui.state import FleetHeard, Link, LinkLost, Me, PracticeHeard, State, after
from console.wire import FleetView


def say(text: str) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def watch(operator: Operator, hub: Hub, world: World, out: Callable[[str], None] = say) -> None:
    """Lines until the hub ends it or the process is stopped. Raises what ended it."""
    teller = Teller(State(Me(operator.id, operator.name, operator.role)), world)
    out("Connecting to the hub.")
    async with hub as connected:
        async for news in connected.watch():
            for told in teller.tell(news):
                out(told)


class Teller:
    """What is new in news: a line for each practice whose line has changed."""

    def __init__(self, state: State, world: World) -> None:
        self._state, self._world = state, world
        self._judges = page.Judges()
        self._told: dict[str, str] = {}

    def tell(self, news: News) -> list[str]:
        """Lines, each with the time by the operator's clock."""
        before = self._state.link
        self._state = after(self._state, self._event(news))
        lines = [*self._link(before), *self._practices()]
        time = figures.clock(self._world.now, self._world.now, self._world.zone)
        return [f"{time} {one}" for one in lines]

    def _event(self, news: News) -> FleetHeard | PracticeHeard | LinkLost:
        if isinstance(news, ClientLinkLost):
            return LinkLost(self._world.clock() + news.retry_in)
        if isinstance(news, FleetView):
            return FleetHeard(news, self._world.now)
        return PracticeHeard(news.practice, self._world.now)

    def _link(self, before: Link) -> list[str]:
        if self._state.link is before:
            return []
        if self._state.link is Link.LOST:
            return ["No connection to the hub; trying again. Practices work on by themselves."]
        rows = page.all_rows(self._state, self._judges, self._world.now)
        number = "1 practice" if len(rows) == 1 else f"{len(rows)} practices"
        return [f"Connected to the hub. {number}: {page.summary(rows)}."]

    def _practices(self) -> list[str]:
        lines = []
        rows = page.all_rows(self._state, self._judges, self._world.now)
        for row in page.shown_rows(self._state, rows):
            told = f"{row.practice.code}: {row.standing.sentence} {page.steady(row)}"
            if self._told.get(row.practice.id) != told:
                self._told[row.practice.id] = told
                lines.append(told)
        return lines
