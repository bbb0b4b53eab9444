"""The little that every websocket of the hub needs, whoever is at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.server import ServerConnection

from console.wire import Goodbye
from protocol import limits
from protocol.messages import AgentMessage
from protocol.session import HubSession

POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011


class AgentLine:
    """A HubSession over a websocket: frames in as messages, queued frames out in order."""

    def __init__(self, socket: ServerConnection, session: HubSession, steady: Callable[[], float]) -> None:
        self._socket, self._session, self._steady = socket, session, steady
        self._sending = asyncio.Lock()

    async def hear(self) -> list[AgentMessage]:
        """What the next frame newly says. Raises ProtocolViolation, and ConnectionClosed when the agent has left."""
        return self._session.data_received(as_bytes(await self._socket.recv()), self._steady())

    async def hear_first(self) -> AgentMessage:
        """The first message; TimeoutError when the agent stays silent."""
        async with asyncio.timeout(limits.HANDSHAKE_SECONDS):
            return (await self.hear())[0]

    async def flush(self) -> None:
        """Sends what the session has to say."""
        async with self._sending:
            for frame in self._session.data_to_send():
                await self._socket.send(frame.decode("ascii"))


def as_bytes(frame: str | bytes) -> bytes:
    """A frame's bytes, whichever kind it was."""
    return frame.encode() if isinstance(frame, str) else frame


_closing: set[asyncio.Task[None]] = set()


def close_soon(socket: ServerConnection, goodbye: Goodbye) -> None:
    """Closes a connection that another task serves."""
    task = asyncio.get_running_loop().create_task(socket.close(POLICY_VIOLATION, goodbye.value))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def first_of(*jobs: Coroutine[Any, Any, None]) -> None:
    """Runs the jobs side by side until one ends, ends the others, and raises what the first one raised."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
