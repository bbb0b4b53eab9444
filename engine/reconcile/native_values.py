"""Values of a native file's fields, to bytes and from bytes, with struct only.

Sources: MS-DTYP 2.3.3 (FILETIME), POSIX 4.16, the FAT directory entry, OLE Automation DATE.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

Value = int | float | str | bytes | datetime | date | None
_NUMBERS = {
    **{"uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q", "int8": "b", "int16": "h", "int32": "i"},
    **{"int64": "q", "float32": "f", "float64": "d"},
}
_TIME_CODES = {"filetime": "Q", "unix32": "I", "unix64": "q", "unix-ms": "q", "dos": "I", "ole": "d"}
_FIRST_DAYS = {
    "filetime": datetime(1601, 1, 1),  # noqa: DTZ001 - all of them count the practice's local time
    "ole": datetime(1899, 12, 30),  # noqa: DTZ001
}
_UNITS = {"filetime": timedelta(microseconds=1), "unix-ms": timedelta(milliseconds=1)}
_UNIX = datetime(1970, 1, 1)  # noqa: DTZ001
_LATEST = datetime(9999, 12, 31)  # noqa: DTZ001 - stands for every time beyond the calendar
_DAY = timedelta(days=1)


class ValueUnfit(ValueError):
    """A value that a field cannot hold, or bytes that are no value of it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the header or trailer, as the profile describes it.

    `fixed` is what it must hold, `meaning` the profile's expression for it, `bits` a meaning for each bit from the
    lowest; `length_of` names the field whose length it tells, in units of `unit` bytes; `when` is the earlier field,
    the bit and the number that decide whether it is there; `align` makes it padding.
    """

    name: str
    kind: str
    size: int
    fixed: bytes | None
    meaning: str | None
    encoding: str
    order: str = "<"
    form: str = "delimited"
    bits: tuple[str, ...] = ()
    length_of: str | None = None
    unit: int = 1
    at_most: int = 0
    align: int = 0
    when: tuple[str, int | None, int | None] | None = None


def value_of(field: Field, raw: bytes) -> Value:
    """Raises ValueUnfit. A time beyond the calendar reads as its last day."""
    if field.kind in _NUMBERS:
        number: int | float = struct.unpack(field.order + _NUMBERS[field.kind], raw)[0]
        return number
    try:
        if field.kind in _TIME_CODES:
            return _time(field.kind, struct.unpack(field.order + _TIME_CODES[field.kind], raw)[0])
        if field.kind == "text":
            return _letters(field, raw)
        if field.kind in ("digits", "bcd"):
            return int(raw if field.kind == "digits" else raw.hex())
    except ValueError as problem:
        raise ValueUnfit(f"{field.name} is no {field.kind}") from problem
    return swapped(field, raw)


def raw_of(field: Field, value: Value) -> bytes:
    """The bytes that stand for a value. Raises ValueUnfit."""
    try:
        if field.kind in _NUMBERS:
            return struct.pack(field.order + _NUMBERS[field.kind], value)
        if field.kind in _TIME_CODES:
            return struct.pack(field.order + _TIME_CODES[field.kind], _count(field.kind, _moment(value)))
        if field.kind == "text":
            return packed_text(str(value or ""), field.size, field.encoding, field.form)
        if field.kind in ("digits", "bcd"):
            return _digits(field, value)
    except (struct.error, ValueError, TypeError, OverflowError) as problem:
        raise ValueUnfit(f"{field.name} cannot hold its value") from problem
    if not isinstance(value, bytes):
        raise ValueUnfit(f"{field.name} holds bytes")
    return swapped(field, value)


def swapped(field: Field, raw: bytes) -> bytes:
    """Entries of a look-up table stand in the byte order of their field."""
    if field.order == "<" or field.meaning not in ("pixels.voi_lut", "pixels.modality_lut"):
        return raw
    return b"".join(raw[at : at + 2][::-1] for at in range(0, len(raw), 2))


def packed_text(text: str, size: int, encoding: str, form: str = "delimited") -> bytes:
    """A text field as it must stand in a file: as many whole letters as fit, and what its form puts around them."""
    nul = "\0".encode(encoding)
    before = nul if form == "delimited" else b""
    after = nul if form in ("delimited", "terminated") else b""
    if not size:
        return before + text.encode(encoding) + after
    room = (size - len(before) - len(after)) // len(nul) * len(nul)
    letters = text.encode(encoding)[:room].decode(encoding, "ignore").encode(encoding)
    fill, rest = (" " if form == "spaces" else "\0").encode(encoding), size - len(before) - len(letters)
    return before + letters + fill * (rest // len(fill)) + b"\0" * (rest % len(fill))


def _letters(field: Field, raw: bytes) -> str:
    nul = "\0".encode(field.encoding)
    body = raw.removeprefix(nul) if field.form == "delimited" else raw
    text = body.decode(field.encoding, "replace")
    return text.rstrip(" " if field.form == "spaces" else "\0")


def _digits(field: Field, value: Value) -> bytes:
    count = field.size * (1 if field.kind == "digits" else 2)
    if isinstance(value, date):
        moment = _moment(value)
        value = int(f"{moment:%Y%m%d}" if count == 8 else f"{moment:%Y%m%d%H%M%S}")
    text = str(int(str(value or 0))).zfill(count)
    if len(text) != count or not text.isdigit():
        raise ValueUnfit(f"{field.name} has {count} digits")
    return text.encode("ascii") if field.kind == "digits" else bytes.fromhex(text)


def _moment(value: Value) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    raise TypeError("a time is a date, with or without a time of day")


def _time(kind: str, number: int | float) -> datetime | None:
    """The time that a number stands for; None for 0."""
    if not number:
        return None
    try:
        if kind == "dos":
            day, clock = divmod(int(number), 1 << 16)
            parts = (1980 + (day >> 9), day >> 5 & 15, day & 31)
            return datetime(*parts, clock >> 11, clock >> 5 & 63, clock % 32 * 2)  # noqa: DTZ001
        if kind == "ole":
            days = int(number)
            return _FIRST_DAYS[kind] + timedelta(days=days) + abs(number - days) * _DAY
        units = int(number) // 10 if kind == "filetime" else int(number)
        return _FIRST_DAYS.get(kind, _UNIX) + units * _UNITS.get(kind, timedelta(seconds=1))
    except (OverflowError, ValueError):
        return _LATEST


def _count(kind: str, moment: datetime | None) -> int | float:
    """The number that stands for a time; 0 for none."""
    if moment is None:
        return 0
    if kind == "dos":
        return _fat(moment)
    since = moment - _FIRST_DAYS.get(kind, _UNIX)
    if kind == "ole":
        days, rest = since.days, (since - timedelta(days=since.days)) / _DAY
        return days + rest if days >= 0 else days - rest
    units = since // _UNITS.get(kind, timedelta(seconds=1))
    return units * 10 if kind == "filetime" else units


def _fat(moment: datetime) -> int:
    years = moment.year - 1980
    if not 0 <= years < 128:
        raise ValueUnfit("no year of a FAT entry")
    fields = (
        (years, 7),
        (moment.month, 4),
        (moment.day, 5),
        (moment.hour, 5),
        (moment.minute, 6),
        (moment.second // 2, 5),
    )
    number = 0
    for value, bits in fields:
        number = number << bits | value
    return number
