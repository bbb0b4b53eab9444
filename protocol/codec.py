"""Bytes <-> message. Every limit is applied before parsing, and only one spelling of a message is accepted.

The language needs neither escapes nor any byte beyond printable ASCII, so a frame with one is refused unread. What
passes is decoded strictly and encoded again: unless the bytes are equal, something was said twice, in another order,
with other digits or with room to spare, and the frame is refused. The same lock hangs on both doors: `guard` on the
way out, because constructors do not validate, and the decoders on the way in.

Errors name a rule and a field path. They never carry a library's error, not even as their cause: it quotes the value.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from typing import Final, TypeVar, get_args

import msgspec

from protocol.errors import ProtocolViolation
from protocol.limits import MAX_DEPTH, MAX_FRAME_BYTES
from protocol.messages import AgentMessage, HubMessage
from protocol.vocabulary import Rule

Message = AgentMessage | HubMessage

_PLAIN: Final = bytes(byte for byte in range(0x20, 0x7F) if byte != ord("\\"))
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_PATH: Final = re.compile(r" - at `\$((?:\.[a-z_]+|\[\.\.\.\])+)`\Z")

_agent_decoder: Final[msgspec.json.Decoder[AgentMessage]] = msgspec.json.Decoder(AgentMessage)
_hub_decoder: Final[msgspec.json.Decoder[HubMessage]] = msgspec.json.Decoder(HubMessage)

_M = TypeVar("_M")


def encode(message: Message) -> bytes:
    """The frame of a message. Raises ProtocolViolation for a type that JSON does not know; see `guard` for the rest."""
    with suppress(TypeError, ValueError, OverflowError):
        return msgspec.json.encode(message)
    raise ProtocolViolation(Rule.OUTSIDE_LANGUAGE)


def guard(message: Message) -> bytes:
    """The frame of a message that the other side will read as this message.

    Raises ProtocolViolation if there is none; then nothing may be sent.
    """
    frame = encode(message)
    decode = decode_from_agent if isinstance(message, get_args(AgentMessage)) else decode_from_hub
    if decode(frame) != message:
        raise ProtocolViolation(Rule.OUTSIDE_LANGUAGE)
    return frame


def decode_from_agent(frame: bytes) -> AgentMessage:
    """What an agent said. Raises ProtocolViolation with the rule that the frame breaks."""
    return _decode(frame, _agent_decoder)


def decode_from_hub(frame: bytes) -> HubMessage:
    """What the hub said. Raises ProtocolViolation with the rule that the frame breaks."""
    return _decode(frame, _hub_decoder)


def _decode(frame: bytes, decoder: msgspec.json.Decoder[_M]) -> _M:
    _demand_limits(frame)
    message = _parse(frame, decoder)
    if msgspec.json.encode(message) != frame:
        raise ProtocolViolation(Rule.NOT_CANONICAL)
    return message


def _demand_limits(frame: bytes) -> None:
    if len(frame) > MAX_FRAME_BYTES:
        raise ProtocolViolation(Rule.FRAME_TOO_LARGE)
    if frame.translate(None, delete=_PLAIN):
        raise ProtocolViolation(Rule.FRAME_NOT_PLAIN)
    if _depth(frame) > MAX_DEPTH:
        raise ProtocolViolation(Rule.FRAME_TOO_DEEP)


def _depth(frame: bytes) -> int:
    """The deepest nesting. Without escapes, every second piece between quotes lies outside a string."""
    outside = b"".join(frame.split(b'"')[::2])
    depth = deepest = 0
    for byte in outside.translate(None, delete=_NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _parse(frame: bytes, decoder: msgspec.json.Decoder[_M]) -> _M:
    """Raised outside the handlers, so that no error drags the library's own along as its context."""
    try:
        return decoder.decode(frame)
    except msgspec.ValidationError as problem:
        rule, where = Rule.OUTSIDE_LANGUAGE, _field_path(str(problem))
    except (msgspec.DecodeError, RecursionError):
        rule, where = Rule.FRAME_MALFORMED, ""
    raise ProtocolViolation(rule, where=where)


def _field_path(error: str) -> str:
    """The path at the end of a validation error, if it is made of nothing but this language's own field names."""
    found = _PATH.search(error)
    path = found.group(1) if found else ""
    names = set(path.replace("[...]", "").split(".")) - {""}
    return path.lstrip(".") if names <= _field_names() else ""


@cache
def _field_names() -> frozenset[str]:
    """Every field name of every message."""
    schema = msgspec.json.schema_components([AgentMessage, HubMessage])[1]
    return frozenset(name for part in schema.values() for name in part.get("properties", {}))
