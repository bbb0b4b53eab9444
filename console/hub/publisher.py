"""Carries changes of the store to whoever is connected, a few times a second, whoever made them.

The commands (`practice add`, `operator add`) and other hubs on the same database write to the store directly, so the
publisher looks there: at each practice's revision, at the newest key set, at orders that wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection

from console.hub.hub import Hub
from console.hub.store import operators, orders, practices
from protocol.errors import EnvironmentProblem
from protocol.keyset import SignedKeySet

POLL_SECONDS = 1.0
"""How late a change that another process made may be seen."""
PAUSE_SECONDS = 0.2
"""Between two rounds: an operator's screen changes at most five times a second."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Tide:
    """What one look at the store shows."""

    revisions: Mapping[str, int]
    waiting: Mapping[str, int]
    keyset: SignedKeySet | None


@dataclass(slots=True)
class Publisher:
    """Remembers what was published, and publishes the difference."""

    hub: Hub
    _revisions: Mapping[str, int] = field(default_factory=dict)
    _keyset_version: int = 0

    async def run(self) -> None:
        """For as long as the hub runs. A store that fails is tried again; connections stay."""
        while True:
            try:
                await self._round()
            except EnvironmentProblem as problem:
                _log.error("store-failed", problem=problem.what)
            await asyncio.sleep(PAUSE_SECONDS)
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self.hub.changed.wait()
        except TimeoutError:
            return

    async def _round(self) -> None:
        self.hub.changed.clear()
        moved = set(self.hub.moved)
        tide = await self.hub.read(_look)
        changed = {one for one, revision in tide.revisions.items() if self._revisions.get(one) != revision}
        await self._tell_operators(tide, changed | moved)
        self._tell_agents(tide)
        self.hub.moved.difference_update(moved)
        self._revisions = tide.revisions

    async def _tell_operators(self, tide: _Tide, changed: set[str]) -> None:
        version = tide.keyset.keyset.version if tide.keyset else 0
        if version != self._keyset_version:
            self._keyset_version = version
            for watcher in self.hub.watchers:
                watcher.offer_fleet()
        if self.hub.watchers and changed:
            for view in await self.hub.views(changed):
                for watcher in self.hub.watchers:
                    watcher.offer(view)

    def _tell_agents(self, tide: _Tide) -> None:
        if tide.keyset is not None:
            for practice, agent in self.hub.agents.items():
                agent.look_for_orders(tide.waiting.get(practice, 0), tide.keyset)


def _look(connection: Connection) -> _Tide:
    found = operators.newest_keyset(connection)
    return _Tide(practices.revisions(connection), orders.newest_waiting(connection), found)
