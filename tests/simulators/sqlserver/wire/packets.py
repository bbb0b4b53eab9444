"""Messages and the packets they are cut into ([MS-TDS] 2.2.3.1)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

HEADER: Final = 8
BATCH, RPC, REPLY, ATTENTION, MANAGER, LOGIN, PRELOGIN = 0x01, 0x03, 0x04, 0x06, 0x0E, 0x10, 0x12
_LAST: Final = 0x01
_SIZE: Final = 4_000


@dataclass(frozen=True, slots=True)
class Message:
    kind: int
    data: bytes


class Gathering:
    """Puts a session's packets together."""

    def __init__(self) -> None:
        self._kept = b""

    def take(self, packet: bytes) -> Message | None:
        """The message that this packet ends, if it ends one."""
        kind, status = packet[0], packet[1]
        self._kept += packet[HEADER:]
        if not status & _LAST:
            return None
        message, self._kept = Message(kind, self._kept), b""
        return message


def read_packet(exactly: Callable[[int], bytes]) -> bytes:
    """One whole packet. `exactly` gives that many bytes and raises EOFError at the end."""
    head = exactly(HEADER)
    (length,) = struct.unpack_from(">H", head, 2)
    return head + exactly(length - HEADER)


def packets(data: bytes, kind: int = REPLY) -> Iterator[bytes]:
    parts = [data[start : start + _SIZE] for start in range(0, len(data), _SIZE)] or [b""]
    for number, part in enumerate(parts, 1):
        status = _LAST if number == len(parts) else 0
        yield struct.pack(">BBHHBB", kind, status, len(part) + HEADER, 0, number % 256, 0) + part
