"""An operator's connection to the hub: watches the fleet, sends decisions, comes back by itself.

Every delay before a new attempt is full jitter (any moment up to a doubling bound), so that a hub that restarts is not
met by everybody at once. What only a person can mend (a foreign certificate, a revoked operator) ends the watch.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from console import wire
from console.operator import OperatorIdentity
from protocol.errors import BitewingError, EnvironmentProblem, Refused
from protocol.statements import SignedDecision
from protocol.vocabulary import Refusal

FIRST_DELAY_SECONDS = 0.5
"""Bound of the first delay; each further one doubles."""
LONGEST_DELAY_SECONDS = 30.0
"""Bound of every delay: a console is never blind for longer than this after the hub is back."""
ANSWER_SECONDS = 20.0
"""How long the hub may take to answer a decision or command."""
PING_SECONDS = 20.0
"""Between pings, and how long an answer may take: a dead connection is noticed within twice this."""
POLICY_VIOLATION = 1008
"""The close code with which the hub says that this operator is not welcome."""


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The hub cannot be reached; what was seen last stays true of its own time. Next attempt in `retry_in` seconds."""

    retry_in: float


News = wire.FleetView | wire.Changed | LinkLost


class HubClient:
    """`async with HubClient(identity) as hub`: connected, and reconnecting, until the block ends."""

    def __init__(
        self,
        identity: OperatorIdentity,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`jitter` gives numbers in [0, 1), `clock` UTC seconds."""
        self._identity, self._jitter, self._clock = identity, jitter, clock
        self._mailbox = _Mailbox()
        self._answers: dict[str, asyncio.Future[Refusal | None]] = {}
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._heard = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._stay_connected(self._identity.tls(int(self._clock()))))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def watch(self) -> AsyncIterator[News]:
        """The fleet, then each practice as it changes (the newest state of each, if the reader is slow).

        After LinkLost comes a whole FleetView again. Raises Refused or EnvironmentProblem when trying again is useless.
        """
        while True:
            yield await self._mailbox.get()

    async def submit(self, signed: SignedDecision) -> Refusal | None:
        """Why the hub refused the decision, or None: queued for the agent. Sending the same again is harmless."""
        request = secrets.token_hex(16)
        return await self._ask(request, wire.Submit(request, signed))

    async def command(self, practice: str, verb: wire.Verb) -> Refusal | None:
        """Why the hub refused, or None: queued for the agent."""
        request = secrets.token_hex(16)
        return await self._ask(request, wire.Command(request, practice, verb))

    async def _ask(self, request: str, message: wire.FromOperator) -> Refusal | None:
        if self._socket is None:
            raise _unreachable()
        answer: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self._answers[request] = answer
        try:
            await self._socket.send(wire.encode(message))
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except (TimeoutError, ConnectionClosed) as problem:
            raise _unreachable() from problem
        finally:
            del self._answers[request]

    async def _stay_connected(self, tls: ssl.SSLContext) -> None:
        attempt = 0
        while True:
            try:
                await self._converse(tls)
            except (BitewingError, OSError, WebSocketException) as problem:
                hopeless = _hopeless(problem)
                if hopeless is not None:
                    return self._mailbox.end(hopeless)
            attempt = 0 if self._heard else attempt + 1
            delay = self._jitter() * min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**attempt)
            self._mailbox.put(LinkLost(delay))
            await asyncio.sleep(delay)

    async def _converse(self, tls: ssl.SSLContext) -> None:
        """One connection, from its beginning until it ends or fails. Sets `_heard` once the hub has said something."""
        self._heard = False
        try:
            async with _open(self._identity.hub, tls) as socket:
                self._socket = socket
                await socket.send(wire.encode(wire.Watch()))
                async for frame in socket:
                    self._take(wire.decode_from_hub(frame.encode() if isinstance(frame, str) else frame))
        finally:
            self._socket = None
            self._fail_answers()

    def _take(self, message: wire.FromHub) -> None:
        self._heard = True
        if isinstance(message, wire.Submitted):
            answer = self._answers.get(message.request)
            if answer is not None and not answer.done():
                answer.set_result(message.refusal)
        else:
            self._mailbox.put(message)

    def _fail_answers(self) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(_unreachable())


class _Mailbox:
    """The newest news of each practice: bounded by the fleet, whatever the reader's speed."""

    def __init__(self) -> None:
        self._news: dict[str, News] = {}
        self._end: BitewingError | None = None
        self._filled = asyncio.Event()

    def put(self, news: News) -> None:
        """A fleet replaces all older news; a practice replaces its own."""
        if isinstance(news, wire.FleetView):
            self._news.clear()
        key = news.practice.id if isinstance(news, wire.Changed) else ""
        self._news.pop(key, None)
        self._news[key] = news
        self._filled.set()

    def end(self, problem: BitewingError) -> None:
        """No more news will come, because of `problem`."""
        self._end = problem
        self._filled.set()

    async def get(self) -> News:
        """The oldest news; raises the problem that ended them."""
        while not self._news:
            if self._end is not None:
                raise self._end
            self._filled.clear()
            await self._filled.wait()
        return self._news.pop(next(iter(self._news)))


def _open(url: str, tls: ssl.SSLContext) -> connect:
    return connect(
        url,
        ssl=tls,
        proxy=None,
        compression=None,
        max_size=wire.HUB_FRAME_BYTES,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_SECONDS,
        close_timeout=1,
    )


def _hopeless(problem: Exception) -> BitewingError | None:
    """The error to end with when no further attempt can succeed: not trusted by one side, or sent away by the hub."""
    if isinstance(problem, BitewingError):
        return problem
    for cause in _causes(problem):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return EnvironmentProblem(
                f"the hub cannot be trusted: {cause.verify_message}",
                next_step="compare its address, and the clock; else ask for a new operator's folder",
            )
        if isinstance(cause, ConnectionClosed) and cause.rcvd is not None and cause.rcvd.code == POLICY_VIOLATION:
            return Refused(
                Refusal.OPERATOR_UNKNOWN,
                "the hub refused this operator",
                next_step="ask an admin whether this operator is still in the key set, or for a new certificate",
            )
    return None


def _causes(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _unreachable() -> EnvironmentProblem:
    return EnvironmentProblem(
        "the hub cannot be reached", next_step="try again when the console shows the hub connected"
    )
