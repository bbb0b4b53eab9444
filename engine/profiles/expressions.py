"""The closed expression language of a target profile: names of the model, literals, functions and a few operators.

    key(patient)    patient.family_name    'FileImport'    1    null    default(series.name, 'Default Series')
    when(is_null(image.acquired_at), 'undated', format(image.acquired_at, '%Y-%m-%d'))    image.number * 10 + 1

It is Python's expression grammar with nearly everything taken out; nothing is ever evaluated by Python itself. Kinds
of values are checked when the profile is loaded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from warnings import catch_warnings

from engine.profiles.functions import PURE as _PURE
from engine.profiles.kinds import CODE_LISTS, FORMS, FUNCTIONS, ExpressionError, checked, kind_of
from engine.profiles.nodes import Call, Functions, Literal, Name, Names, Node
from engine.toml.suggest import allowed, closest

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
PURE: Final = frozenset(_PURE)
__all__ = [
    "CODE_LISTS",
    "ENTITY_NAMES",
    "FORMS",
    "FUNCTIONS",
    "KEYED",
    "LUT_PARTS",
    "PURE",
    "Call",
    "Expression",
    "ExpressionError",
    "Literal",
    "Name",
    "Node",
    "parse",
]
_MOST_CHARACTERS: Final = 2_000
KEYED: Final = ("patient", "study", "series", "image")


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. `names` are the model fields and `functions` the functions it uses."""

    text: str
    root: Node
    names: frozenset[str]
    functions: frozenset[str]

    def evaluate(self, names: Names, functions: Functions) -> object:
        """Its value. `names` must hold every name used (`image.uid`), `functions` all that are not PURE."""
        return self.root.evaluate(names, functions)


def parse(text: str) -> Expression:
    """`text` as an expression. Raises ExpressionError for an unknown name, function or construct, or a wrong kind."""
    if len(text) > _MOST_CHARACTERS:
        raise ExpressionError(f"the expression is longer than {_MOST_CHARACTERS} characters")
    try:
        with catch_warnings(action="ignore"):  # what Python thinks of its own language is nothing to a profile
            root = _node(ast.parse(text.strip(), mode="eval").body)
        kind = kind_of(root)
    except ExpressionError:
        raise
    except (SyntaxError, ValueError, MemoryError, RecursionError) as problem:  # ValueError: a NUL, too many digits
        raise ExpressionError(f"{text!r} is not an expression") from problem
    if kind == "truth":
        raise ExpressionError(f"{text!r} is true or false, which no column holds; write when({text.strip()}, 1, 0)")
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


_OPERATORS: Final[Mapping[type[ast.AST], str]] = MappingProxyType(
    {
        **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%", ast.And: "and", ast.Or: "or"},
        **{ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="},
    }
)


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
    return _operation(tree)


def _operation(tree: ast.expr) -> Call:
    match tree:
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return checked(_OPERATORS[type(operator)], (_node(left), _node(right)))
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _OPERATORS:
            return checked(_OPERATORS[type(operator)], (_node(left), _node(right)))
        case ast.BoolOp(op=operator, values=parts):
            return checked(_OPERATORS[type(operator)], tuple(_node(part) for part in parts))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return checked("not", (_node(operand),))
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
        known = [name for name in FUNCTIONS if name.isidentifier()]
        raise ExpressionError(f"unknown function {function}{closest(function, known)}; {allowed(known)}")
    if function == "key" and len(arguments) == 1:
        return Call(function, (_entity(arguments[0]),))
    return checked(function, tuple(_node(argument) for argument in arguments))


def _entity(argument: ast.expr) -> Literal:
    if isinstance(argument, ast.Name) and argument.id in KEYED:
        return Literal(argument.id)
    raise ExpressionError(f"key takes an entity; {allowed(KEYED)}")
