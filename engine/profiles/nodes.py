"""The parts of a parsed expression, and how each gets its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.profiles.functions import PURE, evaluate

Names = Mapping[str, object]
Functions = Mapping[str, Callable[..., object]]


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, an integer, or None for `null`."""

    value: str | int | None

    def evaluate(self, names: Names, functions: Functions) -> object:
        return self.value


@dataclass(frozen=True, slots=True)
class Name:
    """A field of the model, as `entity.field`."""

    name: str

    def evaluate(self, names: Names, functions: Functions) -> object:
        return names[self.name]


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator over other expressions. `default(a, b)` is `b` where `a` is null."""

    function: str
    arguments: tuple[Node, ...]

    def evaluate(self, names: Names, functions: Functions) -> object:
        if self.function in ("default", "when"):
            return self._choice(names, functions)
        values = tuple(argument.evaluate(names, functions) for argument in self.arguments)
        return evaluate(self.function, values) if self.function in PURE else functions[self.function](*values)

    def _choice(self, names: Names, functions: Functions) -> object:
        first, *others = self.arguments
        value = first.evaluate(names, functions)
        if self.function == "default":
            return others[0].evaluate(names, functions) if value is None else value
        return others[0 if value else 1].evaluate(names, functions)


Node = Literal | Name | Call
