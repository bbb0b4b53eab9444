"""What a column of the target should hold, worked out from the profile's expression by own code.

The text is read with Python's grammar and walked here; nothing of the converter's language is used.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeGuard
from warnings import catch_warnings

Names = Mapping[str, Any]
Codes = Mapping[str, Mapping[str, int | str]]

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class CannotTell(ValueError):
    """The expression speaks of something that the reconciler cannot work out for itself."""


class Formula:
    """One expression. `value(names, codes)` with the source's values by the model's names, None for nothing."""

    def __init__(self, text: str) -> None:
        with catch_warnings(action="ignore"):
            self._tree = ast.parse(text.strip(), mode="eval").body
        self.names = {
            f"{n.value.id}.{n.attr}"
            for n in ast.walk(self._tree)
            if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
        }
        called = {n.func.id for n in ast.walk(self._tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        if strange := sorted(called - _FUNCTIONS.keys() - {"when", "default", "code"}):
            raise CannotTell(f"{strange[0]}() inside an expression")

    def value(self, names: Names, codes: Codes) -> Any:
        """What the column should hold. Raises CannotTell where a text is no number."""
        return _Walk(names, codes).of(self._tree)


class _Walk:
    def __init__(self, names: Names, codes: Codes) -> None:
        self._names, self._codes = names, codes

    def of(self, tree: ast.expr) -> Any:
        match tree:
            case ast.Constant(value=value):
                return value
            case ast.Name(id="null"):
                return None
            case ast.Attribute(value=ast.Name(id=entity), attr=name):
                return self._names[f"{entity}.{name}"]
            case ast.BinOp(left=left, op=op, right=right):
                return self._with_both(_BINARY[type(op)], left, right, None)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, arguments)
        return -self.of(tree.operand) if _is_minus(tree) else self._truth(tree)

    def _truth(self, tree: ast.expr) -> bool:
        match tree:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                return bool(self.of(left) == self.of(right))
            case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
                return bool(self.of(left) != self.of(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return bool(self._with_both(_ORDER[type(op)], left, right, absent=False))
            case ast.BoolOp(op=ast.And(), values=parts):
                return all(map(self.of, parts))
            case ast.BoolOp(values=parts):
                return any(map(self.of, parts))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.of(operand)
        raise CannotTell("a part of the expression")

    def _with_both(self, apply: Callable[[Any, Any], Any], left: ast.expr, right: ast.expr, absent: object) -> Any:
        one, other = self.of(left), self.of(right)
        return absent if one is None or other is None else apply(one, other)

    def _call(self, name: str, arguments: list[ast.expr]) -> Any:
        if name == "when":
            return self.of(arguments[1] if self.of(arguments[0]) else arguments[2])
        values = [self.of(argument) for argument in arguments]
        if name == "default":
            return values[1] if values[0] is None else values[0]
        if name == "code":
            return None if values[1] is None else self._codes[values[0]][str(values[1])]
        takes_nothing = name in ("concat", "join", "is_null")
        return None if not takes_nothing and any(value is None for value in values) else _FUNCTIONS[name](*values)


def _is_minus(tree: ast.expr) -> TypeGuard[ast.UnaryOp]:
    return isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub)


def _glued(*parts: Any) -> str:
    return "".join("" if part is None else f"{part}" for part in parts)


def _joined(between: Any, *parts: Any) -> str:
    present = [f"{part}" for part in parts if part not in (None, "")]
    return _glued(between).join(present)


def _whole(value: Any) -> int:
    digits = f"{value}".strip()
    if not digits.lstrip("+-").isascii() or not digits.lstrip("+-").isdecimal():
        raise CannotTell("a text is no whole number")
    return int(digits)


def _said(moment: date, form: str) -> str:
    """A date in the stated form; year four digits, everything else two, parts of a second six."""
    pairs = form.replace("%%", "\0")
    clock = moment if isinstance(moment, datetime) else datetime.combine(moment, datetime.min.time())
    for sign, number, digits in (
        ("%Y", clock.year, 4),
        ("%y", clock.year % 100, 2),
        ("%m", clock.month, 2),
        ("%d", clock.day, 2),
        ("%H", clock.hour, 2),
        ("%M", clock.minute, 2),
        ("%S", clock.second, 2),
        ("%f", clock.microsecond, 6),
    ):
        pairs = pairs.replace(sign, str(number).zfill(digits))
    return pairs.replace("\0", "%")


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "concat": _glued,
    "join": _joined,
    "upper": lambda text: f"{text}".upper(),
    "lower": lambda text: f"{text}".lower(),
    "trim": lambda text: f"{text}".strip(" "),
    "left": lambda text, count: "".join(list(f"{text}")[0:count]),
    "right": lambda text, count: "".join(list(f"{text}")[::-1][:count][::-1]),
    "substring": lambda text, start, count: "".join(list(f"{text}")[start - 1 :][:count]),
    "replace": lambda text, old, new: f"{new}".join(f"{text}".split(f"{old}")) if old else f"{text}",
    "length": lambda text: sum(1 for _ in f"{text}"),
    "pad": lambda value, width: "0" * (width - len(f"{value}")) + f"{value}",
    "text": lambda value: f"{value}",
    "integer": _whole,
    "format": _said,
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "date": lambda moment: date(moment.year, moment.month, moment.day),
    "is_null": lambda value: value is None,
}
