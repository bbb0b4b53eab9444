"""What the console needs from the world: a hub to talk to and an operator's key. Tests bring their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import tzinfo
from types import TracebackType
from typing import Protocol

from console.client import News
from console.wire import Verb
from protocol.signing import Signer
from protocol.statements import SignedDecision
from protocol.vocabulary import Refusal, Role


class Hub(Protocol):
    """A connection that comes back by itself; `console.client.HubClient` is one."""

    async def __aenter__(self) -> Hub: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def watch(self) -> AsyncIterator[News]:
        """The fleet, then every change. Raises BitewingError when trying again is useless."""

    async def submit(self, signed: SignedDecision) -> Refusal | None:
        """Why the hub refused, or None: stored. Raises EnvironmentProblem when it was not reached."""

    async def command(self, practice: str, verb: Verb) -> Refusal | None:
        """The same for pause and resume."""


class Operator(Protocol):
    """Who sits here; `console.operator.OperatorIdentity` is one."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def role(self) -> Role: ...

    def unlock(self, passphrase: str) -> Signer:
        """The signing key. Slow on purpose. Raises UsageProblem when the passphrase is wrong."""


@dataclass(frozen=True, slots=True)
class World:
    """Time and randomness: UTC seconds, the operator's time zone, and fresh 128-bit ids."""

    clock: Callable[[], float]
    zone: tzinfo
    new_id: Callable[[], str]

    @property
    def now(self) -> int:
        """Whole UTC seconds."""
        return int(self.clock())
