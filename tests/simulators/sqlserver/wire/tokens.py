"""What the server says: tokens ([MS-TDS] 2.2.7)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.simulators.sqlserver.kinds import Kind
from tests.simulators.sqlserver.wire.values import COLLATION, type_info, written

MORE, FAILED, IN_TRANSACTION, COUNTED, CANCELLED = 0x01, 0x02, 0x04, 0x10, 0x20
DONE, DONE_PROCEDURE, DONE_INSIDE = 0xFD, 0xFE, 0xFF
_PROGRAM: Final = "Microsoft SQL Server"  # drivers look at it
_NULLABLE, _WRITABLE, _IDENTITY = 0x01, 0x08, 0x10


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    is_nullable: bool = True
    is_identity: bool = False


def short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")


def _token(kind: int, body: bytes) -> bytes:
    return struct.pack("<BH", kind, len(body)) + body


def done(status: int, rows: int = 0, token: int = DONE) -> bytes:
    return struct.pack("<BHHQ", token, status, 0, rows)


def said(number: int, severity: int, text: str, server: str, *, state: int = 1) -> bytes:
    """An error, or a message where the severity is 10 or less."""
    body = struct.pack("<iBBH", number, state, severity, len(text.encode("utf-16-le")) // 2) + text.encode("utf-16-le")
    return _token(0xAA if severity > 10 else 0xAB, body + short(server) + short("") + struct.pack("<I", 1))


def head(columns: Sequence[Column]) -> bytes:
    """COLMETADATA."""
    return bytes([0x81]) + struct.pack("<H", len(columns)) + b"".join(map(_described, columns))


def _described(column: Column) -> bytes:
    flags = _NULLABLE * column.is_nullable | _WRITABLE | _IDENTITY * column.is_identity
    return struct.pack("<IH", 0, flags) + type_info(column.kind) + short(column.name)


def row(columns: Sequence[Column], values: Sequence[Any]) -> bytes:
    parts = (written(column.kind, value) for column, value in zip(columns, values, strict=True))
    return bytes([0xD1]) + b"".join(parts)


def returned(status: int = 0) -> bytes:
    """A procedure's status."""
    return struct.pack("<Bi", 0x79, status)


def output(ordinal: int, kind: Kind, value: Any) -> bytes:
    """A procedure's output parameter."""
    head_of = struct.pack("<BH", 0xAC, ordinal) + short("") + struct.pack("<BIH", 1, 0, 0)
    return head_of + type_info(kind) + written(kind, value)


def logged_in(database: str) -> bytes:
    acknowledged = b"\x01" + struct.pack(">I", 0x74000004) + short(_PROGRAM) + bytes([15, 0, 7, 208])
    return (
        database_changed(database, "master")
        + _token(0xE3, b"\x07\x05" + COLLATION + b"\x00")
        + _token(0xE3, b"\x04" + short("4096") + short("4096"))
        + _token(0xAD, acknowledged)
    )


def database_changed(new: str, old: str) -> bytes:
    return _token(0xE3, b"\x01" + short(new) + short(old))


def begun(transaction: int) -> bytes:
    return _token(0xE3, b"\x08\x08" + struct.pack("<Q", transaction) + b"\x00")


def committed(transaction: int) -> bytes:
    return _token(0xE3, b"\x09\x00\x08" + struct.pack("<Q", transaction))


def rolled_back(transaction: int) -> bytes:
    return _token(0xE3, b"\x0a\x00\x08" + struct.pack("<Q", transaction))
