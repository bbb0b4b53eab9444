"""Several sessions over one line, as MARS has them ([MC-SMP]); or the one there is without."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from typing import Final

from tests.simulators.sqlserver.wire.handshake import Line
from tests.simulators.sqlserver.wire.packets import Gathering, Message, packets, read_packet

_MARK: Final = 0x53
_SYN, _ACK, _FIN, _DATA = 1, 2, 4, 8
_HEAD: Final = "<BBHIII"  # mark, flags, session, length, number, window
_SIZE: Final = struct.calcsize(_HEAD)
_WINDOW: Final = 4  # packets that may be under way


class Plain:
    """The session of a line that has one only."""

    def __init__(self, line: Line, lock: threading.Lock) -> None:
        self._line, self._lock, self.gathering = line, lock, Gathering()

    def reply(self, data: bytes) -> None:
        with self._lock:
            self._line.send(b"".join(packets(data)))


class Multiplexed:
    """One session among several: it sends only as many packets as the client has room for."""

    def __init__(self, number: int, line: Line, lock: threading.Lock, window: int) -> None:
        self.number, self.gathering = number, Gathering()
        self._line, self._lock, self._room = line, lock, threading.Condition()
        self._sent, self._may_send, self._received, self._told, self._closed = 0, window, 0, _WINDOW, False

    def took(self, number: int) -> None:
        """A packet of the client's came; it is told soon that more may."""
        self._received = number
        if self._told - number < _WINDOW // 2 + 1:
            self._send(_ACK, b"", self._sent)

    def has_room(self, window: int) -> None:
        with self._room:
            self._may_send = window
            self._room.notify_all()

    def ends(self) -> None:
        with self._room:
            self._closed = True
            self._room.notify_all()
        self._send(_FIN, b"", self._sent)

    def reply(self, data: bytes) -> None:
        """Raises EOFError when the session ends before all is sent."""
        for packet in packets(data):
            with self._room:
                self._room.wait_for(lambda: self._closed or self._sent < self._may_send)
                if self._closed:
                    raise EOFError
                self._sent += 1
            self._send(_DATA, packet, self._sent)

    def _send(self, flags: int, body: bytes, number: int) -> None:
        self._told = self._received + _WINDOW
        head = struct.pack(_HEAD, _MARK, flags, self.number, _SIZE + len(body), number, self._told)
        with self._lock:
            self._line.send(head + body)


Session = Plain | Multiplexed


class Switchboard:
    """Takes packets off a line and gives each session's messages."""

    def __init__(self, line: Line) -> None:
        self._line, self._lock = line, threading.Lock()
        self.plain = Plain(line, self._lock)
        self._sessions: dict[int, Multiplexed] = {}

    def messages(self) -> Iterator[tuple[Session, Message | None]]:
        """Each message with its session; None for a session that ended. Ends with EOFError."""
        while True:
            first = self._line.exactly(1)
            if first[0] == _MARK:
                yield from self._multiplexed(first)
            else:
                packet = read_packet(_after(first, self._line))
                if (message := self.plain.gathering.take(packet)) is not None:
                    yield self.plain, message

    def _multiplexed(self, first: bytes) -> Iterator[tuple[Session, Message | None]]:
        head = first + self._line.exactly(_SIZE - 1)
        _, flags, number, length, sequence, window = struct.unpack(_HEAD, head)
        body = self._line.exactly(length - _SIZE)
        if flags & _SYN:
            self._sessions[number] = Multiplexed(number, self._line, self._lock, window)
            return
        session = self._sessions[number]
        session.has_room(window)
        if flags & _DATA:
            session.took(sequence)
            if (message := session.gathering.take(body)) is not None:
                yield session, message
        if flags & _FIN:
            session.ends()
            del self._sessions[number]
            yield session, None


def _after(first: bytes, line: Line) -> Callable[[int], bytes]:
    """Gives the bytes of `line` after those already taken."""
    taken = [first]

    def exactly(size: int) -> bytes:
        return (taken.pop() + line.exactly(size - 1)) if taken else line.exactly(size)

    return exactly
