"""What every connection of a running hub shares: authority, store, clock, and who is connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from console import wire
from console.hub.ca import Authority
from console.hub.store import latest, operators, orders, practices
from console.hub.store.database import Database
from console.hub.store.writer import Writer
from console.hub.view import Facts, practice_view
from protocol.errors import EnvironmentProblem
from protocol.keyset import SignedKeySet
from protocol.vocabulary import Role

_T = TypeVar("_T")


class SentAway(Exception):
    """A connection that may not stay; the close frame says why."""

    def __init__(self, goodbye: wire.Goodbye) -> None:
        self.goodbye = goodbye
        super().__init__(goodbye.value)


class ConnectedAgent(Protocol):
    """What the hub asks of an agent's connection."""

    def look_for_orders(self, newest_waiting: int, keyset: SignedKeySet) -> None:
        """There may be orders to pass on, up to that number, or a newer key set."""

    def leave(self, goodbye: wire.Goodbye) -> None:
        """Close the connection soon."""


class ConnectedOperator(Protocol):
    """What the hub asks of an operator's connection."""

    def offer(self, view: wire.PracticeView) -> None:
        """A practice has changed; only the newest view of each is kept until it is sent."""

    def offer_fleet(self) -> None:
        """Operators or policy have changed: everything is sent again."""


@dataclass(frozen=True, slots=True)
class World:
    """Clock (UTC seconds), a clock that does not jump, and entropy: given by whoever starts the hub."""

    clock: Callable[[], float]
    steady: Callable[[], float]
    new_id: Callable[[], str]
    new_serial: Callable[[], int]

    @property
    def now(self) -> int:
        """Whole UTC seconds."""
        return int(self.clock())


@dataclass(frozen=True, slots=True)
class Hub:
    """A running hub. `changed` wakes the publisher; `moved` are practices whose agent came or went since."""

    authority: Authority
    database: Database
    writer: Writer
    world: World
    agents: dict[str, ConnectedAgent] = field(default_factory=dict)
    watchers: set[ConnectedOperator] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note_moved(self, practice: str) -> None:
        """An agent has come or gone."""
        self.moved.add(practice)
        self.changed.set()

    async def read(self, job: Callable[[Connection], _T]) -> _T:
        """Runs a read beside the writer."""
        return await asyncio.to_thread(self.database.read, job)

    async def keyset(self) -> SignedKeySet:
        """The newest key set; EnvironmentProblem when the store holds none."""
        found = await self.read(operators.newest_keyset)
        if found is None:
            raise EnvironmentProblem("the store holds no key set", next_step="run bitewing-console --home DIR init")
        return found

    async def views(self, ids: Iterable[str] | None = None) -> tuple[wire.PracticeView, ...]:
        """The views of these practices, of all for None."""
        wanted = None if ids is None else frozenset(ids)
        facts = await self.read(lambda connection: _facts(connection, wanted))
        return tuple(practice_view(one, connected=one.practice.id in self.agents) for one in facts)

    async def fleet(self) -> wire.FleetView:
        """Everything an operator may see now."""
        keyset, people = (await self.keyset()).keyset, await self.read(operators.everyone)
        named = tuple(wire.OperatorView(one.id, one.name, Role(one.role)) for one in people)
        return wire.FleetView(self.world.now, await self.views(), named, keyset.version, keyset.policy)


def _facts(connection: Connection, wanted: frozenset[str] | None) -> list[Facts]:
    known = practices.everyone(connection) if wanted is None else practices.some(connection, wanted)
    ids = [one.id for one in known]
    topics, decided = latest.of_practices(connection, ids), orders.submissions(connection, ids)
    return [Facts(one, topics[one.id], decided[one.id]) for one in known]
