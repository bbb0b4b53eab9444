"""The closed expression language of a target profile: names of the model, literals, and a handful of functions.

    key(patient)    patient.family_name    'FileImport'    1    null    default(series.name, 'Default Series')

It is Python's expression grammar with nearly everything taken out; nothing is ever evaluated by Python itself.
"""

from __future__ import annotations

import ast
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from engine.toml.suggest import allowed, closest

# How many arguments each function takes. `default` and FORMS belong to the language; the caller supplies the others.
FUNCTIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **{"key": 1, "code": 2, "default": 2, "teeth": 1, "orientation": 1, "integrity": 0, "path": 0, "person": 0},
        **{"hex": 1, "upper_hex": 1, "base64": 1, "number": 1, "signed_number": 1},
    }
)
FORMS: Final = frozenset({"hex", "upper_hex", "base64", "number", "signed_number"})  # of bytes, such as a hash
LUT_PARTS: Final = ("", "_first", "_bits", "_count", "_explanation")
ENTITY_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "patient": ("key", "family_name", "given_name", "middle_name", "sex", "birth_date", "chart_number"),
        "study": ("key", "patient_key", "uid", "name", "started_at"),
        "series": ("key", "study_key", "patient_key", "uid", "name"),
        "image": (
            *("key", "series_key", "patient_key", "uid", "file", "acquired_at", "category", "orientation"),
            *("teeth", "device_key", "number"),
        ),
        "device": ("key", "manufacturer", "model", "serial_number"),
        "pixels": (
            *("width", "height", "bits_allocated", "bits_stored", "samples", "flags"),
            *("window_center", "window_width", "windows"),
            *("low_is_white", "signed", "has_window", "has_rescale", "has_spacing", "has_voi_lut", "has_modality_lut"),
            *("has_window_words", "rescale_slope", "rescale_intercept", "row_spacing", "column_spacing"),
            *(f"{lut}{part}" for lut in ("voi_lut", "modality_lut") for part in LUT_PARTS),
        ),
        "payload": ("size",),
        "header": ("size",),
        "file": ("size",),
    }
)
KEYED: Final = ("patient", "study", "series", "image")
CODE_LISTS: Final = ("category", "sex")

Names = Mapping[str, object]
Functions = Mapping[str, Callable[..., object]]


class ExpressionError(ValueError):
    """The text is not an expression of this language; the message says which part, and what is allowed."""


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
    """A function over other expressions. `default(a, b)` is `b` where `a` is null."""

    function: str
    arguments: tuple[Node, ...]

    def evaluate(self, names: Names, functions: Functions) -> object:
        values = [argument.evaluate(names, functions) for argument in self.arguments]
        if self.function == "default":
            return values[1] if values[0] is None else values[0]
        if self.function in FORMS:
            return _in_form(self.function, values[0])
        return functions[self.function](*values)


Node = Literal | Name | Call


def _in_form(form: str, value: Any) -> object:
    """Bytes as a text or a number, the first byte being the highest."""
    match form:
        case "hex":
            return value.hex()
        case "upper_hex":
            return value.hex().upper()
        case "base64":
            return b64encode(value).decode("ascii")
    return int.from_bytes(value, "big", signed=form == "signed_number")


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. `names` are the model fields and `functions` the functions it uses."""

    text: str
    root: Node
    names: frozenset[str]
    functions: frozenset[str]

    def evaluate(self, names: Names, functions: Functions) -> object:
        """Its value. `names` must hold every name used (`image.uid`), `functions` every function except `default`."""
        return self.root.evaluate(names, functions)


def parse(text: str) -> Expression:
    """`text` as an expression. Raises ExpressionError for an unknown name, function or construct."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as problem:
        raise ExpressionError(f"{text!r} is not an expression") from problem
    root = _node(tree.body)
    nodes = tuple(_walk(root))
    return Expression(
        text=text,
        root=root,
        names=frozenset(node.name for node in nodes if isinstance(node, Name)),
        functions=frozenset(node.function for node in nodes if isinstance(node, Call)),
    )


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for argument in node.arguments if isinstance(node, Call) else ():
        yield from _walk(argument)


def _node(tree: ast.expr) -> Node:
    match tree:
        case ast.Constant(value=bool()):
            raise ExpressionError("true and false are not part of the language; write 1 or 0")
        case ast.Constant(value=str() | int() as value):
            return Literal(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)) if not isinstance(value, bool):
            return Literal(-value)
        case ast.Name(id="null"):
            return Literal(None)
        case ast.Attribute(value=ast.Name(id=entity), attr=field):
            return _name(entity, field)
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
            return _call(function, arguments)
    raise ExpressionError(
        f"{ast.unparse(tree)!r} is not allowed; write a field, a text, an integer, null or a function"
    )


def _name(entity: str, field: str) -> Name:
    if entity not in ENTITY_NAMES:
        raise ExpressionError(f"unknown name {entity}.{field}{closest(entity, ENTITY_NAMES)}; {allowed(ENTITY_NAMES)}")
    if field not in ENTITY_NAMES[entity]:
        fields = ENTITY_NAMES[entity]
        raise ExpressionError(f"{entity} has no field {field}{closest(field, fields)}; {allowed(fields)}")
    return Name(f"{entity}.{field}")


def _call(function: str, arguments: list[ast.expr]) -> Call:
    if function not in FUNCTIONS:
        raise ExpressionError(f"unknown function {function}{closest(function, FUNCTIONS)}; {allowed(FUNCTIONS)}")
    if len(arguments) != FUNCTIONS[function]:
        raise ExpressionError(f"{function} takes {FUNCTIONS[function]} argument(s), got {len(arguments)}")
    if function == "key":
        return Call(function, (_entity(arguments[0]),))
    nodes = tuple(_node(argument) for argument in arguments)
    if function in FORMS and nodes[0] != Call("integrity", ()):
        raise ExpressionError(f"{function} is of a hash; write {function}(integrity())")
    if function == "code" and nodes[0] not in tuple(Literal(name) for name in CODE_LISTS):
        raise ExpressionError(f"code takes the name of a code list first; {allowed(CODE_LISTS)}")
    return Call(function, nodes)


def _entity(argument: ast.expr) -> Literal:
    if isinstance(argument, ast.Name) and argument.id in KEYED:
        return Literal(argument.id)
    raise ExpressionError(f"key takes an entity; {allowed(KEYED)}")
