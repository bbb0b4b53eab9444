"""Watches the demo's run through the hub until it is settled, one way or the other."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from agent import status
from agent.home import Home
from console.client import HubClient
from console.operator import OperatorIdentity
from console.wire import FleetView, Verb
from demo.processes import Service
from demo.screen import Screen
from demo.view import Standing, View
from protocol.errors import EnvironmentProblem, Interrupted
from protocol.vocabulary import GateState

STALLED_SECONDS = 900.0  # without any news of a gate or a phase, though every process lives
REOPENED_SECONDS = 120.0  # the agent looks at its ledger every few seconds, on a machine that may be busy
FIRST_VIEW_SECONDS = 30.0  # for the hub to answer the first Watch
_CHECK_SECONDS = 0.2


class Watcher:
    """Follows the practice as one operator sees it. `agent` is the service whose word must have arrived."""

    def __init__(self, identity: OperatorIdentity, folder: Path, agent: Service, screen: Screen) -> None:
        self._identity, self._home, self._agent, self._screen = identity, Home(folder), agent, screen
        self._view: View | None = None
        self._last: object = None
        self._last_at = time.monotonic()

    async def until_settled(self) -> None:
        """Return once the run is complete or its answer is no. Raises Interrupted if it leads nowhere."""
        following = asyncio.create_task(self._follow())
        try:
            while not self._is_settled():
                if following.done():
                    following.result()
                await asyncio.sleep(_CHECK_SECONDS)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow(self) -> None:
        async with HubClient(self._identity) as hub:
            async for news in hub.watch():
                if self._view is not None:
                    self._view = self._view.after(news)
                elif isinstance(news, FleetView):
                    self._view = View.first(news, self._identity.id)
                    await self._go_on(hub, self._view)
                if self._view is not None:
                    self._screen.show(self._view)

    async def _go_on(self, hub: HubClient, view: View) -> None:
        """Where an earlier start ended with a no, or somebody paused the run: tell the agent to try again."""
        if view.old_failures or view.practice.paused:
            self._screen.say(f"{self._identity.name} orders resume.")
            await hub.command(view.practice.id, Verb.RESUME)

    def _is_settled(self) -> bool:
        view, now = self._view, time.monotonic()
        if view is None:
            return False
        standing = view.standing(int(time.time()))
        if standing is Standing.STUCK:
            raise _leads_nowhere("the engine ended too often; see engine.log and crash.txt in the folder")
        if (tale := _tale(view)) != self._last:
            self._last, self._last_at = tale, now
        if now - self._last_at > STALLED_SECONDS:
            raise _leads_nowhere("no gate and no phase has moved for a long time")
        return standing is not Standing.UNDER_WAY and self._everything_arrived()

    def _everything_arrived(self) -> bool:
        """Whether the agent that runs now has told the hub all it knows."""
        said = status.read(self._home)
        if said is None or said["pid"] != self._agent.pid:
            return False
        return bool(said["link"]["connected"] and said["outbox"]["waiting"] == 0)


async def final_view(identity: OperatorIdentity) -> View:
    """The practice as a console that connects only now sees it: from the hub's store, all of it."""
    async with HubClient(identity) as hub, asyncio.timeout(FIRST_VIEW_SECONDS):
        async for news in hub.watch():
            if isinstance(news, FleetView):
                return View(news, identity.id)
    raise EnvironmentProblem("the hub cannot be reached", next_step="the same command resumes")


async def until_reopened(identity: OperatorIdentity) -> None:
    """Return once the hub knows that a run which was complete goes on. Raises EnvironmentProblem if it does not."""
    deadline = time.monotonic() + REOPENED_SECONDS
    while (await final_view(identity)).standing(int(time.time())) is Standing.COMPLETE:
        if time.monotonic() > deadline:
            raise EnvironmentProblem("the agent did not notice the new backup", next_step="the same command resumes")
        await asyncio.sleep(_CHECK_SECONDS)


def _tale(view: View) -> object:
    """What must change from time to time while a run is alive."""
    gates: tuple[tuple[object, GateState, object], ...] = tuple(
        (one.gate, one.state, one.evidence_digest) for one in view.practice.gates
    )
    return gates, view.practice.progress


def _leads_nowhere(what: str) -> Interrupted:
    return Interrupted(what, next_step="once that is settled, the same command resumes; nothing is lost")
