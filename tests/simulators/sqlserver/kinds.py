"""T-SQL's types as the wire, the translation and the storage share them.

Facts: learn.microsoft.com, "Data types (Transact-SQL)", "sys.columns", "sys.types".
"""

# ruff: noqa: PLR0911, E501 - a type or a node a line
from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX: Final = -1  # the length of varchar(max), nvarchar(max) and varbinary(max)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type. `length` is in letters or bytes, MAX for max; `precision` and `scale` are decimal's, or a time's digits."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0

    @property
    def is_wide(self) -> bool:
        return self.name in ("nvarchar", "nchar", "sysname", "xml")

    @property
    def is_text(self) -> bool:
        return self.is_wide or self.name in ("varchar", "char")

    @property
    def is_binary(self) -> bool:
        return self.name in ("varbinary", "binary")

    @property
    def bytes(self) -> int:
        """`max_length` as sys.columns has it."""
        if self.is_text or self.is_binary:
            return MAX if self.length == MAX else self.length * (2 if self.is_wide else 1)
        if self.name in ("decimal", "numeric"):
            return decimal_bytes(self.precision)
        if self.name in _BY_DIGITS:
            return time_bytes(self.scale) + _BY_DIGITS[self.name]
        return _SIZES[self.name]


_SIZES: Final = {
    **{"tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "bit": 1, "float": 8, "real": 4},
    **{"datetime": 8, "smalldatetime": 4, "date": 3, "uniqueidentifier": 16, "money": 8, "smallmoney": 4},
}
_BY_DIGITS: Final = {"time": 0, "datetime2": 3, "datetimeoffset": 5}  # bytes beside those of the time
SYSTEM_TYPES: Final = {  # system_type_id of sys.types
    **{"uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43, "tinyint": 48},
    **{"smallint": 52, "int": 56, "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61, "float": 62},
    **{"bit": 104, "decimal": 106, "numeric": 108, "smallmoney": 122, "bigint": 127, "varbinary": 165},
    **{"varchar": 167, "binary": 173, "char": 175, "nvarchar": 231, "nchar": 239, "xml": 241},
}
_PRECISIONS: Final = {
    **{"tinyint": (3, 0), "smallint": (5, 0), "int": (10, 0), "bigint": (19, 0), "bit": (1, 0), "float": (53, 0)},
    **{"real": (24, 0), "datetime": (23, 3), "smalldatetime": (16, 0), "date": (10, 0), "money": (19, 4)},
    "smallmoney": (10, 4),
}
_SYNONYMS: Final = {"integer": "int", "dec": "decimal", "double precision": "float", "rowversion": "binary"}
_BEFORE_DIGITS: Final = {"time": 8, "datetime2": 19, "datetimeoffset": 26}


def precision_of(kind: Kind) -> tuple[int, int]:
    """`precision` and `scale` as sys.columns has them."""
    if kind.name in ("decimal", "numeric"):
        return kind.precision, kind.scale
    if kind.name in _BEFORE_DIGITS:
        return _BEFORE_DIGITS[kind.name] + (kind.scale + 1 if kind.scale else 0), kind.scale
    return _PRECISIONS.get(kind.name, (0, 0))


def named(name: str, arguments: tuple[int, ...] = (), *, length: int = 1) -> Kind:
    """The type that T-SQL writes so; `length` where it writes none (1 in a table, 30 in a CAST). Raises KeyError."""
    plain = _SYNONYMS.get(name.lower(), name.lower())
    if plain == "sysname":
        return Kind("nvarchar", 128)
    if plain in ("varchar", "char", "nvarchar", "nchar", "varbinary", "binary"):
        return Kind(plain, arguments[0] if arguments else length)
    if plain == "xml":
        return Kind("xml", MAX)
    if plain in ("decimal", "numeric"):
        precision, scale = (*arguments, 0, 0)[:2] if arguments else (18, 0)
        return Kind(plain, precision=precision, scale=scale)
    if plain in _BY_DIGITS:
        return Kind(plain, scale=arguments[0] if arguments else 7)
    if plain == "float":
        return Kind("real" if arguments and arguments[0] <= 24 else "float")
    if plain not in _SIZES:
        raise KeyError(name)
    return Kind(plain)


def decimal_bytes(precision: int) -> int:
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def time_bytes(digits: int) -> int:
    return 3 if digits <= 2 else 4 if digits <= 4 else 5
