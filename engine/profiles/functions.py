"""The pure functions and operators of a target's expressions: what each takes and gives, and what it does.

Kinds: text, integer, number, day, moment, truth, bytes, code (a text or an integer of a code list), teeth, orientation,
null. Some arguments are written out in the profile and nothing else: a count (1 to 1000), a divisor, a format of dates.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

COUNTS: Final = range(1, 1001)
DAY_DIRECTIVES: Final = ("%Y", "%y", "%m", "%d")
TIME_DIRECTIVES: Final = ("%H", "%M", "%S", "%f")
_DIRECTIVE: Final = re.compile(r"%.?", re.DOTALL)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")

_TEXT: Final = frozenset({"text", "code"})
_WRITTEN: Final = frozenset({"text", "code", "integer"})
_INTEGER: Final = frozenset({"integer"})
_DATED: Final = frozenset({"day", "moment"})
_BYTES: Final = frozenset({"bytes"})
_TRUTH: Final = frozenset({"truth"})
_ANY: Final = frozenset(
    {"text", "code", "integer", "number", "day", "moment", "bytes", "teeth", "orientation", "opaque"}
)
_COUNT: Final = frozenset({"count"})
_DIVISOR: Final = frozenset({"divisor"})
_FORMAT: Final = frozenset({"format"})


class Unfit(ValueError):
    """A value cannot be what the expression wants of it; the message holds no value."""


@dataclass(frozen=True, slots=True)
class Function:
    """`takes` are the kinds of its arguments, of which the last may come again if `more`; null in, null out, unless
    it is a function that `sees_null`."""

    takes: tuple[frozenset[str], ...]
    gives: str
    run: Callable[..., object]
    more: bool = False
    sees_null: bool = False


def _join(separator: object, *parts: object) -> str:
    """The parts that are there, with the separator between them."""
    return str(separator or "").join(str(part) for part in parts if part is not None and part != "")


def _integer(text: str) -> int:
    if _WHOLE.fullmatch(text.strip()) is None:
        raise Unfit("is no whole number")
    return int(text)


def _formatted(moment: date, form: str) -> str:
    """A date or time as `form` says; of a day the time is midnight."""
    time = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    parts = {
        "%Y": f"{time.year:04}",
        "%y": f"{time.year % 100:02}",
        "%m": f"{time.month:02}",
        "%d": f"{time.day:02}",
        "%H": f"{time.hour:02}",
        "%M": f"{time.minute:02}",
        "%S": f"{time.second:02}",
        "%f": f"{time.microsecond:06}",
        "%%": "%",
    }
    return _DIRECTIVE.sub(lambda found: parts[found[0]], form)


def _padded(value: object, width: int) -> str:
    """Zeros in front up to the width; longer values stay whole."""
    return str(value).rjust(width, "0")


def directives(form: str) -> tuple[str, ...]:
    """The directives that a format of dates uses, in order; a lone % is one too."""
    return tuple(_DIRECTIVE.findall(form))


def _compare(run: Callable[[Any, Any], bool]) -> Function:
    return Function((_ANY, _ANY), "truth", run)


PURE: Final[Mapping[str, Function]] = MappingProxyType(
    {
        "concat": Function((_WRITTEN,), "text", lambda *parts: _join("", *parts), more=True, sees_null=True),
        "join": Function((_TEXT, _WRITTEN), "text", _join, more=True, sees_null=True),
        "upper": Function((_TEXT,), "text", lambda text: str(text).upper()),
        "lower": Function((_TEXT,), "text", lambda text: str(text).lower()),
        "trim": Function((_TEXT,), "text", lambda text: str(text).strip(" ")),
        "left": Function((_TEXT, _COUNT), "text", lambda text, count: str(text)[:count]),
        "right": Function((_TEXT, _COUNT), "text", lambda text, count: str(text)[-count:]),
        "substring": Function(
            (_TEXT, _COUNT, _COUNT), "text", lambda text, start, count: str(text)[start - 1 : start - 1 + count]
        ),
        "replace": Function(
            (_TEXT, _TEXT, _TEXT), "text", lambda text, old, new: str(text).replace(old, new) if old else text
        ),
        "length": Function((_TEXT,), "integer", lambda text: len(str(text))),
        "pad": Function((_WRITTEN, _COUNT), "text", _padded),
        "text": Function((_WRITTEN,), "text", str),
        "integer": Function((_WRITTEN,), "integer", lambda value: _integer(str(value))),
        "format": Function((_DATED, _FORMAT), "text", _formatted),
        "year": Function((_DATED,), "integer", lambda moment: moment.year),
        "month": Function((_DATED,), "integer", lambda moment: moment.month),
        "day": Function((_DATED,), "integer", lambda moment: moment.day),
        "date": Function((_DATED,), "day", lambda moment: moment.date() if isinstance(moment, datetime) else moment),
        "is_null": Function((_ANY,), "truth", lambda value: value is None, sees_null=True),
        "hex": Function((_BYTES,), "text", lambda value: value.hex()),
        "upper_hex": Function((_BYTES,), "text", lambda value: value.hex().upper()),
        "base64": Function((_BYTES,), "text", lambda value: b64encode(value).decode("ascii")),
        "number": Function((_BYTES,), "integer", lambda value: int.from_bytes(value, "big")),
        "signed_number": Function((_BYTES,), "integer", lambda value: int.from_bytes(value, "big", signed=True)),
        "+": Function((_INTEGER, _INTEGER), "integer", lambda first, second: first + second),
        "-": Function((_INTEGER, _INTEGER), "integer", lambda first, second: first - second),
        "*": Function((_INTEGER, _INTEGER), "integer", lambda first, second: first * second),
        "//": Function((_INTEGER, _DIVISOR), "integer", lambda first, second: first // second),
        "%": Function((_INTEGER, _DIVISOR), "integer", lambda first, second: first % second),
        "==": Function((_ANY, _ANY), "truth", lambda first, second: first == second, sees_null=True),
        "!=": Function((_ANY, _ANY), "truth", lambda first, second: first != second, sees_null=True),
        "<": _compare(lambda first, second: first < second),
        "<=": _compare(lambda first, second: first <= second),
        ">": _compare(lambda first, second: first > second),
        ">=": _compare(lambda first, second: first >= second),
        "and": Function((_TRUTH, _TRUTH), "truth", lambda *truths: all(truths), more=True, sees_null=True),
        "or": Function((_TRUTH, _TRUTH), "truth", lambda *truths: any(truths), more=True, sees_null=True),
        "not": Function((_TRUTH,), "truth", lambda truth: not truth, sees_null=True),
    }
)
COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
ORDERED: Final = frozenset({"text", "integer", "number", "day", "moment"})  # kinds of which one is before another


def evaluate(name: str, values: tuple[object, ...]) -> object:
    """What a pure function makes of its values. Raises Unfit."""
    function = PURE[name]
    if not function.sees_null and None in values:
        return None
    return function.run(*values)
