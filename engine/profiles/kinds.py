"""What kind of value an expression gives, and whether its functions get what they take: judged when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.profiles import functions as pure
from engine.profiles.nodes import Call, Literal, Name, Node
from engine.toml.suggest import allowed

CODE_LISTS: Final = ("category", "sex")
# What the caller supplies, and how many arguments it takes; `key`, `default` and `when` belong to the language.
_SUPPLIED: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        **{"key": (1, "integer"), "code": (2, "code"), "teeth": (1, "text"), "orientation": (1, "text")},
        **{"integrity": (0, "bytes"), "path": (0, "text"), "person": (0, "text")},
    }
)
# How many arguments each function takes; of those that take more of the last one, the least.
FUNCTIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **{name: count for name, (count, _) in _SUPPLIED.items()},
        **{"default": 2, "when": 3},
        **{name: len(function.takes) for name, function in pure.PURE.items()},
    }
)
FORMS: Final = frozenset({"hex", "upper_hex", "base64", "number", "signed_number"})  # of bytes, such as a hash
# What kind of value a field is; a field of the record that is not here is a text, of a file something opaque.
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{"patient.birth_date": "day", "study.started_at": "moment", "image.acquired_at": "moment"},
        **{"image.number": "integer", "image.teeth": "teeth", "image.orientation": "orientation"},
        **dict.fromkeys(("pixels.width", "pixels.height", "pixels.samples", "pixels.flags"), "integer"),
        **dict.fromkeys(("pixels.bits_allocated", "pixels.bits_stored"), "integer"),
        **dict.fromkeys(("payload.size", "header.size", "file.size"), "integer"),
    }
)
_OPAQUE: Final = ("pixels", "payload", "header", "file")


class ExpressionError(ValueError):
    """The text is not an expression of this language; the message says which part, and what is allowed."""


def kind_of(node: Node) -> str:
    """What kind of value the expression gives, as in engine.profiles.functions."""
    match node:
        case Literal(value=None):
            return "null"
        case Literal(value=value):
            return "integer" if isinstance(value, int) else "text"
        case Name(name=name):
            return _KINDS.get(name, "opaque" if name.partition(".")[0] in _OPAQUE else "text")
        case Call(function="default" | "when" as name, arguments=arguments):
            return _common_kind(name, arguments[-2:])
    return pure.PURE[node.function].gives if node.function in pure.PURE else _SUPPLIED[node.function][1]


def _common_kind(function: str, choices: tuple[Node, ...]) -> str:
    kinds = {kind_of(choice) for choice in choices} - {"null"}
    if len(kinds) > 1 and not kinds <= {"text", "code", "integer"} and not kinds <= {"day", "moment"}:
        raise ExpressionError(f"{function}() would be {' or '.join(sorted(kinds))}; both must be of one kind")
    return next(iter(kinds)) if len(kinds) == 1 else "moment" if "moment" in kinds else "code" if kinds else "null"


def checked(function: str, nodes: tuple[Node, ...]) -> Call:
    """The call, if it has as many arguments as the function takes, and each of its kind."""
    has_more = function in pure.PURE and pure.PURE[function].more
    if len(nodes) != FUNCTIONS[function] and not (has_more and len(nodes) > FUNCTIONS[function]):
        least = "at least " if has_more else ""
        raise ExpressionError(f"{function} takes {least}{FUNCTIONS[function]} argument(s), got {len(nodes)}")
    if function in FORMS and nodes[0] != Call("integrity", ()):
        raise ExpressionError(f"{function} is of a hash; write {function}(integrity())")
    if function == "code" and nodes[0] not in tuple(Literal(name) for name in CODE_LISTS):
        raise ExpressionError(f"code takes the name of a code list first; {allowed(CODE_LISTS)}")
    if function == "when" and kind_of(nodes[0]) != "truth":
        raise ExpressionError("when() takes a condition first, such as is_null(x) or x == 'text'")
    if function in pure.PURE:
        _check_kinds(function, nodes)
    return Call(function, nodes)


def _check_kinds(function: str, nodes: tuple[Node, ...]) -> None:
    takes = pure.PURE[function].takes
    for position, node in enumerate(nodes):
        wanted = takes[min(position, len(takes) - 1)]
        if problem := _misfit(node, wanted, nodes):
            raise ExpressionError(f"{function}: argument {position + 1} {problem}")
    if function in pure.COMPARISONS:
        _check_comparison(function, kind_of(nodes[0]), kind_of(nodes[1]))


def _misfit(node: Node, wanted: frozenset[str], nodes: tuple[Node, ...]) -> str | None:
    """What is wrong with an argument, if anything."""
    written = node.value if isinstance(node, Literal) else None
    if wanted == {"count"}:
        is_count = isinstance(written, int) and written in pure.COUNTS
        return None if is_count else f"must be a number written out, {pure.COUNTS.start} to {pure.COUNTS.stop - 1}"
    if wanted == {"divisor"}:
        return None if isinstance(written, int) and written > 0 else "must be a number written out, above 0"
    if wanted == {"format"}:
        return _wrong_format(written, kind_of(nodes[0]))
    kind = kind_of(node)
    if kind in wanted or kind == "null":
        return None
    return f"is {kind}; allowed: {', '.join(sorted(wanted))}"


def _wrong_format(form: object, kind: str) -> str | None:
    known = (*pure.DAY_DIRECTIVES, *(() if kind == "day" else pure.TIME_DIRECTIVES), "%%")
    if not isinstance(form, str):
        return f"must be a format written out, of {' '.join(known)}"
    wrong = [directive for directive in pure.directives(form) if directive not in known]
    return f"holds {wrong[0]!r}; allowed of a {kind}: {' '.join(known)}" if wrong else None


def _check_comparison(function: str, first: str, second: str) -> None:
    """Only values of one kind can be equal, and only of some kinds is one before another; date(x) makes a day."""
    kinds = {first, second} - {"null"}
    of_code = kinds <= {"text", "code", "integer"} and "code" in kinds
    together = len(kinds) <= 1 or of_code
    ordered = function in ("==", "!=") or (len(kinds) <= 1 and kinds <= pure.ORDERED)
    if not together or not ordered:
        raise ExpressionError(f"{function} cannot compare {first} with {second}")
