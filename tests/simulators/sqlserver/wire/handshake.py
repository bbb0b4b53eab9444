"""PRELOGIN and the encryption agreed on in it ([MS-TDS] 2.2.6.5, 3.3.5.1): TLS whose handshake hides in packets."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.simulators.sqlserver.wire.packets import PRELOGIN, packets, read_packet

OFF, ON, NOT_SUPPORTED, REQUIRED = 0, 1, 2, 3
_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS = 0, 1, 2, 3, 4
_PRODUCT: Final = bytes([15, 0, 7, 208, 0, 0])  # 15.0.2000, SQL Server 2019
_TLS_RECORD: Final = 0x16
_PEEK: Final = 65_536


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client's PRELOGIN asks for."""

    encryption: int
    mars: bool

    @staticmethod
    def of(data: bytes) -> Offer:
        options = _options(data)
        return Offer(options.get(_ENCRYPTION, b"\x02")[0], options.get(_MARS, b"\x00")[:1] == b"\x01")


def _options(data: bytes) -> Mapping[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while data[at] != 0xFF:
        option, start, length = struct.unpack_from(">BHH", data, at)
        found[option], at = data[start : start + length], at + 5
    return found


def answered(offer: Offer, has_certificate: bool) -> int:
    """The encryption that the server settles on."""
    if not has_certificate:
        return NOT_SUPPORTED
    return ON if offer.encryption in (ON, REQUIRED) else offer.encryption


def answer(encryption: int, mars: bool) -> bytes:
    values = {_VERSION: _PRODUCT, _ENCRYPTION: bytes([encryption]), _INSTANCE: b"\x00", _THREAD: b""}
    values[_MARS] = bytes([mars])
    start, heads, bodies = 5 * len(values) + 1, b"", b""
    for option, value in values.items():
        heads += struct.pack(">BHH", option, start + len(bodies), len(value))
        bodies += value
    return heads + b"\xff" + bodies


class Line:
    """The client's line: plain, or inside TLS once that was agreed on."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._tls: ssl.SSLObject | None = None
        self._turn = threading.Lock()  # OpenSSL reads and writes one connection from one thread at a time
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def begins_with_tls(self) -> bool:
        """Whether the client speaks TLS from its first byte, as TDS 8.0 does (Encrypt=strict)."""
        return self._socket.recv(1, socket.MSG_PEEK)[:1] == bytes([_TLS_RECORD])

    def secure(self, context: ssl.SSLContext, *, in_packets: bool) -> None:
        """Shakes hands, each flight of it inside PRELOGIN packets if so. Raises ssl.SSLError."""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flight(in_packets)
                self._incoming.write(self._handshake_bytes(in_packets))
            else:
                self._flight(in_packets)
                return

    def _flight(self, in_packets: bool) -> None:
        if data := self._outgoing.read():
            self._socket.sendall(b"".join(packets(data, PRELOGIN)) if in_packets else data)

    def _handshake_bytes(self, in_packets: bool) -> bytes:
        data = read_packet(self._plain_exactly)[8:] if in_packets else self._socket.recv(_PEEK)
        if not data:
            raise EOFError
        return data

    def unsecure(self) -> None:
        """Goes on in plain bytes: only the login was to be hidden."""
        self._tls = None

    def send(self, data: bytes) -> None:
        if self._tls is None:
            self._socket.sendall(data)
            return
        with self._turn:
            self._tls.write(data)
            hidden = self._outgoing.read()
        self._socket.sendall(hidden)

    def exactly(self, size: int) -> bytes:
        """That many bytes. Raises EOFError at the end."""
        return self._plain_exactly(size) if self._tls is None else self._hidden_exactly(self._tls, size)

    def _plain_exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self._socket.recv(size - len(found))
            if not part:
                raise EOFError
            found += part
        return found

    def _hidden_exactly(self, tls: ssl.SSLObject, size: int) -> bytes:
        found = b""
        while len(found) < size:
            try:
                with self._turn:
                    part = tls.read(size - len(found))
            except ssl.SSLWantReadError:
                self._more_hidden()
                continue
            if not part:
                raise EOFError
            found += part
        return found

    def _more_hidden(self) -> None:
        data = self._socket.recv(_PEEK)
        if not data:
            raise EOFError
        with self._turn:
            self._incoming.write(data)
