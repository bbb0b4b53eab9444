"""LOGIN7: who comes, with which password, to which database ([MS-TDS] 2.2.6.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_FIRST_PAIR: Final = 36  # after the fixed part come pairs of offset and length in letters
_FIELDS: Final = ("host", "user", "password", "application", "server", "extension", "library", "language", "database")


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str
    database: str
    application: str

    @staticmethod
    def of(data: bytes) -> Login:
        found = {name: _field(data, index) for index, name in enumerate(_FIELDS)}
        password = bytes(_swapped(each ^ 0xA5) for each in found["password"])
        texts = {
            name: value.decode("utf-16-le") for name, value in found.items() if name not in ("password", "extension")
        }
        return Login(texts["user"], password.decode("utf-16-le"), texts["database"], texts["application"])


def _field(data: bytes, index: int) -> bytes:
    offset, letters = struct.unpack_from("<HH", data, _FIRST_PAIR + 4 * index)
    return data[offset : offset + 2 * letters]


def _swapped(each: int) -> int:
    return (each << 4 | each >> 4) & 0xFF
