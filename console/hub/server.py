"""The hub's one port: who connects decides what is spoken, and nothing that is said can take the hub down."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from console.hub.agents import serve_agent
from console.hub.ca import Kind, Peer, read_peer
from console.hub.enrol import serve_stranger
from console.hub.hub import Hub, SentAway
from console.hub.operators import serve_operator
from console.hub.publisher import Publisher
from console.hub.sockets import INTERNAL_ERROR, POLICY_VIOLATION
from console.wire import Goodbye
from protocol import limits
from protocol.errors import EnvironmentProblem, ProtocolViolation, Refused

PING_SECONDS = 20
"""Between pings, and how long an answer may take: a dead connection is noticed within twice this."""
CLOSE_SECONDS = 2
"""How long a peer may take to answer a close frame."""

_log = structlog.get_logger()


async def serve_forever(hub: Hub, host: str, port: int, tls: ssl.SSLContext, on_ready: Callable[[], None]) -> None:
    """Serves agents and operators until cancelled. EnvironmentProblem when the port cannot be had."""
    async with await _listen(hub, host, port, tls):
        on_ready()
        await Publisher(hub).run()


async def _listen(hub: Hub, host: str, port: int, tls: ssl.SSLContext) -> Server:
    try:
        return await serve(
            lambda socket: _attend(hub, socket),
            host,
            port,
            ssl=tls,
            compression=None,
            max_size=limits.MAX_FRAME_BYTES,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            open_timeout=limits.HANDSHAKE_SECONDS,
            close_timeout=CLOSE_SECONDS,
            server_header=None,
        )
    except OSError as problem:
        what = f"cannot listen: {problem.strerror}"
        advice = "stop the other program on that port, or change hub.toml"
        raise EnvironmentProblem(what, where=f"{host}:{port}", next_step=advice) from problem


async def _attend(hub: Hub, socket: ServerConnection) -> None:
    """One connection, from certificate to farewell."""
    peer: Peer | None = None
    try:
        peer = _peer(socket)
        if peer is None:
            await serve_stranger(hub, socket)
        else:
            await _until_expiry(hub, peer, _conversation(hub, socket, peer))
    except SentAway as away:
        await _send_away(socket, peer, POLICY_VIOLATION, away.goodbye)
    except ProtocolViolation as violation:
        await _send_away(socket, peer, POLICY_VIOLATION, violation.rule)
    except Refused as refused:
        await _send_away(socket, peer, POLICY_VIOLATION, refused.reason)
    except EnvironmentProblem as problem:
        _log.error("store-failed", problem=problem.what)
        await _send_away(socket, peer, INTERNAL_ERROR, "store-failed")
    except (ConnectionClosed, TimeoutError):
        return


def _peer(socket: ServerConnection) -> Peer | None:
    """Who TLS says is there; None without a certificate."""
    certificate = socket.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return None if certificate is None else read_peer(certificate)


def _conversation(hub: Hub, socket: ServerConnection, peer: Peer) -> Coroutine[Any, Any, None]:
    if peer.kind is Kind.AGENT:
        return serve_agent(hub, socket, peer)
    if peer.kind is Kind.OPERATOR:
        return serve_operator(hub, socket, peer)
    raise SentAway(Goodbye.NOT_ENROLLED)


async def _until_expiry(hub: Hub, peer: Peer, conversation: Coroutine[Any, Any, None]) -> None:
    """TLS looks at a certificate once; the hub ends the session when it expires."""
    try:
        async with asyncio.timeout(max(0.0, peer.expires_at - hub.world.clock())) as life:
            await conversation
    except TimeoutError:
        if life.expired():
            raise SentAway(Goodbye.CERTIFICATE_EXPIRED) from None
        raise


async def _send_away(socket: ServerConnection, peer: Peer | None, code: int, reason: StrEnum | str) -> None:
    """Closes with a word, and says in the log who was meant. Neither can hold anything from a practice."""
    who = {"kind": peer.kind.value, "id": peer.id} if peer else {"kind": "stranger"}
    _log.warning("sent-away", reason=str(reason), **who)
    await socket.close(code, str(reason))
