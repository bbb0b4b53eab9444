"""What a logged-in client asks: batches, remote procedure calls and transaction requests ([MS-TDS] 2.2.6)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.simulators.sqlserver.kinds import Kind
from tests.simulators.sqlserver.wire.reader import Reader
from tests.simulators.sqlserver.wire.values import read_type, read_value

_PROCEDURES: Final = {
    **{2: "sp_cursoropen", 7: "sp_cursorfetch", 9: "sp_cursorclose", 10: "sp_executesql", 11: "sp_prepare"},
    **{12: "sp_execute", 13: "sp_prepexec", 14: "sp_prepexecrpc", 15: "sp_unprepare"},
}
_BY_NUMBER: Final = 0xFFFF
_NEXT_CALL: Final = 0xFF  # between two calls of one message
BEGIN, COMMIT, ROLLBACK = 5, 7, 8


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: Kind
    value: Any
    is_output: bool


@dataclass(frozen=True, slots=True)
class Call:
    procedure: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction request: BEGIN, COMMIT or ROLLBACK; `again` begins the next one at once."""

    what: int
    isolation: int
    again: bool


def batch(data: bytes) -> str:
    return Reader(data, _headers_end(data)).data[_headers_end(data) :].decode("utf-16-le")


def calls(data: bytes) -> Iterator[Call]:
    """Every call of a message, in order. Raises KeyError for a type that is not modelled."""
    reader = Reader(data, _headers_end(data))
    while not reader.is_done:
        letters = reader.unpack("H")
        name = (
            _PROCEDURES.get(number := reader.unpack("H"), str(number))
            if letters == _BY_NUMBER
            else reader.text(letters)
        )
        reader.unpack("H")  # options
        yield Call(name.lower(), tuple(_parameters(reader)))


def _parameters(reader: Reader) -> Iterator[Parameter]:
    while not reader.is_done:
        if reader.data[reader.at] in (_NEXT_CALL, 0x80):
            reader.unpack("B")
            return
        name, status = reader.short_text(), reader.unpack("B")
        kind = read_type(reader)
        yield Parameter(name.lower(), kind, read_value(reader, kind), bool(status & 1))


def change(data: bytes) -> Change:
    reader = Reader(data, _headers_end(data))
    what = reader.unpack("H")
    if what == BEGIN:
        return Change(what, reader.unpack("B"), again=False)
    reader.take(reader.unpack("B"))  # the transaction's name
    again = bool(reader.unpack("B") & 1) if not reader.is_done else False
    return Change(what, reader.unpack("B") if again else 0, again)


def _headers_end(data: bytes) -> int:
    """ALL_HEADERS stand before every request of TDS 7.2 and later; the total length comes first."""
    (length,) = struct.unpack_from("<I", data)
    return int(length)
