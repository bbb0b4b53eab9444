"""Types and values as they go over the wire: TYPE_INFO and TYPE_VARBYTE ([MS-TDS] 2.2.5.4 to 2.2.5.6)."""

# ruff: noqa: PLR0911 - a type or a node a line
from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from tests.simulators.sqlserver.kinds import MAX, Kind, decimal_bytes, time_bytes
from tests.simulators.sqlserver.wire.reader import Reader

COLLATION: Final = bytes([0x09, 0x04, 0xD0, 0x00, 0x34])  # SQL_Latin1_General_CP1_CI_AS
_CODE_PAGE: Final = "cp1252"
_PLP: Final = 0xFFFF
_NULL_PLP, _UNKNOWN_PLP = 2**64 - 1, 2**64 - 2
_CHUNK: Final = 8_000
_TEXTS: Final = {"nvarchar": 0xE7, "nchar": 0xEF, "varchar": 0xA7, "char": 0xAF, "xml": 0xE7}
_BINARIES: Final = {"varbinary": 0xA5, "binary": 0xAD}
_INTEGERS: Final = {"tinyint": (1, "B"), "smallint": (2, "h"), "int": (4, "i"), "bigint": (8, "q")}
_FLOATS: Final = {"real": (4, "f"), "float": (8, "d")}
_FIRST_DAY: Final = date(1, 1, 1).toordinal()
_EPOCH: Final = date(1900, 1, 1).toordinal()


def type_info(kind: Kind) -> bytes:
    """What says a type."""
    match kind.name:
        case name if name in _TEXTS or name in _BINARIES:
            code = _TEXTS.get(name) or _BINARIES[name]
            size = _PLP if kind.length == MAX else max(kind.length, 1) * (2 if kind.is_wide else 1)
            return struct.pack("<BH", code, size) + (COLLATION if kind.is_text else b"")
        case name if name in _INTEGERS:
            return bytes([0x26, _INTEGERS[name][0]])
        case name if name in _FLOATS:
            return bytes([0x6D, _FLOATS[name][0]])
        case "bit":
            return bytes([0x68, 1])
        case "decimal" | "numeric":
            code = 0x6A if kind.name == "decimal" else 0x6C
            return bytes([code, decimal_bytes(kind.precision), kind.precision, kind.scale])
        case "money" | "smallmoney":
            return bytes([0x6E, kind.bytes])
        case "datetime" | "smalldatetime":
            return bytes([0x6F, kind.bytes])
        case "date":
            return b"\x28"
        case "time" | "datetime2" | "datetimeoffset":
            return bytes([{"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}[kind.name], kind.scale])
    return bytes([0x24, 16])  # uniqueidentifier


def written(kind: Kind, value: Any) -> bytes:
    """A value of that type, with its length before it."""
    if kind.is_text or kind.is_binary:
        return _written_string(kind, value)
    if value is None:
        return b"\x00"
    body = _BODIES[kind.name](kind, value)
    return bytes([len(body)]) + body


def _written_string(kind: Kind, value: Any) -> bytes:
    if value is None:
        return struct.pack("<Q", _NULL_PLP) if kind.length == MAX else b"\xff\xff"
    if kind.is_binary:
        body = bytes(value)
    else:
        body = str(value).encode(*(("utf-16-le", "surrogatepass") if kind.is_wide else (_CODE_PAGE, "replace")))
    if kind.length != MAX:
        return struct.pack("<H", len(body)) + body
    chunks = (body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK))
    return struct.pack("<Q", len(body)) + b"".join(struct.pack("<I", len(part)) + part for part in chunks) + bytes(4)


def _integer(kind: Kind, value: Any) -> bytes:
    return struct.pack(f"<{_INTEGERS[kind.name][1]}", int(value))


def _float(kind: Kind, value: Any) -> bytes:
    return struct.pack(f"<{_FLOATS[kind.name][1]}", float(value))


def _decimal(kind: Kind, value: Any) -> bytes:
    scaled = int(Decimal(value).scaleb(kind.scale).to_integral_value())
    return bytes([scaled >= 0]) + abs(scaled).to_bytes(decimal_bytes(kind.precision) - 1, "little")


def _money(kind: Kind, value: Any) -> bytes:
    scaled = int(Decimal(value).scaleb(4).to_integral_value())
    return struct.pack("<i", scaled) if kind.bytes == 4 else struct.pack("<iI", scaled >> 32, scaled & 0xFFFFFFFF)


def _ticks(kind: Kind, value: datetime) -> bytes:
    """Days since 1900 and 1/300 s since midnight."""
    ticks = ((value - datetime.combine(value, time.min)) // timedelta(microseconds=1) * 3 + 5_000) // 10_000
    return struct.pack("<iI", value.toordinal() - _EPOCH, ticks)


def _minutes(kind: Kind, value: datetime) -> bytes:
    return struct.pack("<HH", value.toordinal() - _EPOCH, value.hour * 60 + value.minute)


def _day(kind: Kind, value: date) -> bytes:
    return (value.toordinal() - _FIRST_DAY).to_bytes(3, "little")


def _time(kind: Kind, value: time | datetime) -> bytes:
    microseconds = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    return (microseconds * 10 // 10 ** (7 - kind.scale)).to_bytes(time_bytes(kind.scale), "little")


def _moment(kind: Kind, value: datetime) -> bytes:
    return _time(kind, value) + _day(kind, value)


def _zoned(kind: Kind, value: datetime) -> bytes:
    offset = value.utcoffset() or timedelta()
    return _moment(kind, value.astimezone(UTC)) + struct.pack("<h", offset // timedelta(minutes=1))


_BODIES: Final[Mapping[str, Callable[[Kind, Any], bytes]]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_FLOATS, _float),
    **dict.fromkeys(("decimal", "numeric"), _decimal),
    **dict.fromkeys(("money", "smallmoney"), _money),
    "bit": lambda kind, value: bytes([bool(value)]),
    "datetime": _ticks,
    "smalldatetime": _minutes,
    "date": _day,
    "time": _time,
    "datetime2": _moment,
    "datetimeoffset": _zoned,
    "uniqueidentifier": lambda kind, value: uuid.UUID(str(value)).bytes_le,
}


def read_type(reader: Reader) -> Kind:
    """The type that TYPE_INFO says. Raises KeyError for one that is not modelled."""
    code = reader.unpack("B")
    if code in _CODED:
        name, size = _CODED[code]
        length = reader.unpack("H")
        if size != 0:
            reader.take(5)  # the collation
        return Kind(name, MAX if length == _PLP else length // max(size, 1))
    if code in _SIZED:
        return Kind(_SIZED[code][reader.unpack("B")])
    match code:
        case 0x6A | 0x6C:
            reader.unpack("B")
            return Kind("decimal", precision=reader.unpack("B"), scale=reader.unpack("B"))
        case 0x28:
            return Kind("date")
        case 0x29 | 0x2A | 0x2B:
            name = {0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}[code]
            return Kind(name, scale=reader.unpack("B"))
        case 0x63:  # ntext, as the texts of statements are sent
            reader.take(9)
            return Kind("ntext")
    raise KeyError(f"type 0x{code:02X} is not modelled")


_CODED: Final = {  # code: name, bytes of a letter; 0 for bytes, which have no collation
    **{0xE7: ("nvarchar", 2), 0xEF: ("nchar", 2), 0xA7: ("varchar", 1), 0xAF: ("char", 1)},
    **{0xA5: ("varbinary", 0), 0xAD: ("binary", 0)},
}
_SIZED: Final[Mapping[int, Mapping[int, str]]] = {
    0x24: {16: "uniqueidentifier", 0: "uniqueidentifier"},
    0x26: {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"},
    0x68: {1: "bit"},
    0x6D: {4: "real", 8: "float"},
    0x6E: {4: "smallmoney", 8: "money"},
    0x6F: {4: "smalldatetime", 8: "datetime"},
}


def read_value(reader: Reader, kind: Kind) -> Any:
    """A value of that type; None for NULL."""
    if kind.name == "ntext":
        size = reader.unpack("i")
        return None if size < 0 else reader.take(size).decode("utf-16-le")
    if kind.is_text or kind.is_binary:
        body = _read_chunks(reader) if kind.length == MAX else _read_short(reader)
        return None if body is None else _string(kind, body)
    size = reader.unpack("B")
    return _read_body(kind, Reader(reader.take(size)), size) if size else None


def _read_short(reader: Reader) -> bytes | None:
    size = reader.unpack("H")
    return None if size == _PLP else reader.take(size)


def _read_chunks(reader: Reader) -> bytes | None:
    if reader.unpack("Q") == _NULL_PLP:
        return None
    found = b""
    while size := reader.unpack("I"):
        found += reader.take(size)
    return found


def _string(kind: Kind, body: bytes) -> str | bytes:
    if kind.is_binary:
        return body
    return body.decode("utf-16-le", "surrogatepass") if kind.is_wide else body.decode(_CODE_PAGE, "replace")


def _read_body(kind: Kind, body: Reader, size: int) -> Any:
    match kind.name:
        case "bit":
            return bool(body.unpack("B"))
        case name if name in _INTEGERS:
            return body.unpack(_INTEGERS[name][1])
        case name if name in _FLOATS:
            return body.unpack(_FLOATS[name][1])
        case "decimal":
            sign = 1 if body.unpack("B") else -1
            return Decimal(sign * int.from_bytes(body.take(size - 1), "little")).scaleb(-kind.scale)
        case "money":
            return Decimal((body.unpack("i") << 32) + body.unpack("I")).scaleb(-4)
        case "smallmoney":
            return Decimal(body.unpack("i")).scaleb(-4)
        case "datetime":
            day, ticks = body.unpack("i"), body.unpack("I")
            return _midnight(day + _EPOCH) + timedelta(microseconds=round(ticks * 10_000 / 3))
        case "smalldatetime":
            return _midnight(body.unpack("H") + _EPOCH) + timedelta(minutes=body.unpack("H"))
        case "date":
            return _read_day(body)
        case "time":
            return (_midnight(1) + _read_time(body, kind.scale)).time()
        case "datetime2":
            passed = _read_time(body, kind.scale)
            return datetime.combine(_read_day(body), time.min) + passed
        case "datetimeoffset":
            passed = _read_time(body, kind.scale)
            moment = datetime.combine(_read_day(body), time.min, UTC) + passed
            return moment.astimezone(timezone(timedelta(minutes=body.unpack("h"))))
    return uuid.UUID(bytes_le=body.take(16))


def _midnight(ordinal: int) -> datetime:
    return datetime.combine(date.fromordinal(ordinal), time.min)


def _read_day(body: Reader) -> date:
    return date.fromordinal(int.from_bytes(body.take(3), "little") + _FIRST_DAY)


def _read_time(body: Reader, digits: int) -> timedelta:
    units = int.from_bytes(body.take(time_bytes(digits)), "little")
    return timedelta(microseconds=units * 10 ** (7 - digits) // 10)
