"""Which parts of the model an expression may speak of, depending on where it stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from engine.profiles.expressions import PURE, Call, Expression, ExpressionError, Literal, Node, parse
from engine.profiles.kinds import kind_of
from engine.toml.document import Table
from engine.toml.suggest import allowed

_ADVICE: Final = "docs/profiles.md lists every field, function and operator under Expressions"
_REACH: Final = "a row knows its own entity and what it belongs to; a native file knows everything of its image"
# A row of an entity sees the entity itself and what it belongs to.
_ROW_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "patient": ("patient",),
    "study": ("patient", "study"),
    "series": ("patient", "study", "series"),
    "image": ("patient", "study", "series", "image", "device"),
}
_ROW_FUNCTIONS: Final = ("key", "code", "default", "when", *sorted(PURE))
_IMAGE_FUNCTIONS: Final = (*_ROW_FUNCTIONS, "teeth", "orientation", "integrity", "path")
_FILE_NAMES: Final = (*_ROW_NAMES["image"], "pixels", "payload", "header", "file")
_FILE_FUNCTIONS: Final = (*_ROW_FUNCTIONS, "teeth", "orientation", "integrity", "person")


def read_row_expression(table: Table, key: str, entity: str) -> Expression:
    """The value of a column of a row of `entity`. Raises UsageProblem with file and line."""
    functions = _IMAGE_FUNCTIONS if entity == "image" else _ROW_FUNCTIONS
    return _read(table, key, _ROW_NAMES[entity], functions)


def read_file_expression(table: Table, key: str) -> Expression:
    """The value of a field of a native file. Raises UsageProblem with file and line."""
    return _read(table, key, _FILE_NAMES, _FILE_FUNCTIONS)


def _read(table: Table, key: str, entities: Collection[str], functions: Collection[str]) -> Expression:
    try:
        expression = parse(table.text(key))
    except ExpressionError as problem:
        raise table.problem(key, str(problem), _ADVICE) from problem
    if (kind := kind_of(expression.root)) in ("teeth", "orientation"):
        raise table.problem(key, f"{kind} are a value of the model; write {kind}({table.text(key).strip()})")
    for name in sorted(expression.names):
        if name.partition(".")[0] not in entities:
            raise table.problem(key, f"{name} is not known here; {allowed(entities)}", _REACH)
    for function in sorted(expression.functions):
        if function not in functions:
            known = allowed(name for name in functions if name.isidentifier())
            raise table.problem(key, f"{function}() is not known here; {known}", _REACH)
    for entity in _keyed(expression.root):
        if entity not in entities:
            raise table.problem(key, f"key({entity}) is not known here; {allowed(entities)}", _REACH)
    return expression


def _keyed(node: Node) -> Collection[str]:
    """The entities whose key the expression asks for."""
    if not isinstance(node, Call):
        return ()
    if node.function == "key":
        return tuple(str(argument.value) for argument in node.arguments if isinstance(argument, Literal))
    return tuple(entity for argument in node.arguments for entity in _keyed(argument))
