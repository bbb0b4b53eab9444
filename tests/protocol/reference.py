"""Writes docs/protocol.md and tests/protocol/budget.json from the code: python -m tests.protocol.reference"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import msgspec.inspect as kinds

from protocol import limits, session, values, vocabulary
from protocol.messages import AgentMessage, EventBody, HubMessage, OrderBody
from tests.protocol.language import bits, budget, members, structs

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "protocol.md"
BUDGET = Path(__file__).with_name("budget.json")

OPENING = """\
# Protocol reference

Written by `python -m tests.protocol.reference` from the code in `protocol/`; a test fails when the two differ.

A practice and the hub exchange JSON text frames over one websocket. Every frame is one of the messages below, in its
one canonical spelling, or it is refused. A field holds a bool, a bounded number, a word of a closed list, an opaque
random id, a blinded digest, a key or signature, a process time or a version. There is no field for a text, a name, a
path or a date from a record. *Bits* says how much a field or a message can carry at most: log2 of its number of values.
"""


def documented(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Each module-level name that has a docstring below it, in the order of the file."""
    body = ast.parse(inspect.getsource(module)).body
    for named, text in pairwise(body):
        target = getattr(named, "target", None) or next(iter(getattr(named, "targets", [])), None)
        if isinstance(target, ast.Name) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            yield target.id, " ".join(str(text.value.value).split())


def table(*rows: tuple[object, ...]) -> str:
    """A Markdown table; the first row is its head."""
    head, *rest = (" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in rows)
    ruled = [head, " | ".join("---" for _ in rows[0]), *rest]
    return "\n".join(f"| {line} |" for line in ruled)


def of_struct(struct: kinds.StructType) -> str:
    """A struct's docstring and its fields."""
    text = inspect.getdoc(struct.cls) or ""
    if not struct.fields:
        return f"{text}\n\nNo fields."
    rows = [
        (f"`{field.encode_name}`", of_type(struct.cls, field), f"{bits(field.type, field.encode_name):.0f}")
        for field in struct.fields
    ]
    return f"{text}\n\n{table(('field', 'kind', 'bits'), *rows)}"


def of_type(cls: type, field: kinds.Field) -> str:
    """A field's kind in the words of the code, or its range where the code gives no name."""
    match field.type:
        case kinds.IntType(ge=low, le=high) if "Annotated" in cls.__annotations__[field.encode_name]:
            return f"{low} to {high}"
        case kinds.VarTupleType(item_type=item, max_length=most):
            return f"up to {most} of {_word(item)}"
        case kinds.DictType(key_type=key, value_type=value):
            return f"{_word(key)} to {_word(value)}"
    return f"`{cls.__annotations__[field.encode_name]}`"


def _word(kind: kinds.Type) -> str:
    match kind:
        case kinds.StructType(cls=cls) | kinds.EnumType(cls=cls):
            return f"`{cls.__name__}`"
        case kinds.IntType(ge=low, le=high):
            return f"{low} to {high}"
    raise TypeError(kind)


def of_union(title: str, union: object) -> str:
    """A section with every member of a tagged union."""
    parts = [f"### {struct.cls.__name__} (`{tag}`)\n\n{of_struct(struct)}" for tag, struct in members(union).items()]
    return f"## {title}\n\n" + "\n\n".join(parts)


def of_values() -> str:
    """A section with the structs that messages are made of."""
    nested = structs(kinds.type_info(AgentMessage)) | structs(kinds.type_info(HubMessage))
    parts = [f"### {cls.__name__}\n\n{of_struct(struct)}" for cls, struct in nested.items() if struct.tag is None]
    return "## What messages are made of\n\n" + "\n\n".join(parts)


def of_words() -> str:
    """A section with every closed list of words that a message may use."""
    used = {
        kind.cls
        for struct in (structs(kinds.type_info(AgentMessage)) | structs(kinds.type_info(HubMessage))).values()
        for field in struct.fields
        for kind in (field.type.types if isinstance(field.type, kinds.UnionType) else (field.type,))
        if isinstance(kind, kinds.EnumType)
    } | {vocabulary.Rule}
    listed = [cls for cls in vars(vocabulary).values() if isinstance(cls, type) and cls in used]
    return "## Words\n\n" + "\n\n".join(_enum(cls) for cls in listed if issubclass(cls, StrEnum))


def _enum(cls: type[StrEnum]) -> str:
    return f"**{cls.__name__}**: {inspect.getdoc(cls)}\n\n" + ", ".join(f"`{word.value}`" for word in cls)


def of_states() -> str:
    """A section with both state tables."""
    sides = (("agent", session.AGENT_TABLE), ("hub", session.HUB_TABLE))
    rows = [
        (side, before, kind.__name__, after)
        for side, transitions in sides
        for (before, kind), after in transitions.items()
    ]
    return "## States\n\nWhat each side may say or hear in which state. Anything else ends the session.\n\n" + table(
        ("side", "state", "message", "next state"), *rows
    )


def reference() -> str:
    """The whole of docs/protocol.md."""
    scalars = table(
        ("kind", "what it is"), *((f"`{name}`", text) for name, text in documented(values) if not name.isupper())
    )
    bounds = table(
        ("limit", "value", "unit and reason"),
        *((f"`{name}`", getattr(limits, name), text) for name, text in documented(limits)),
    )
    carried = [(group, f"`{tag}`", number) for group, tags in budget().items() for tag, number in tags.items()]
    sections = (
        OPENING,
        of_union("From the agent", AgentMessage),
        of_union("Bodies of an event", EventBody),
        of_union("From the hub", HubMessage),
        of_union("Bodies of an order", OrderBody),
        of_values(),
        f"## Kinds of values\n\n{scalars}",
        of_words(),
        f"## Limits\n\n{bounds}",
        of_states(),
        f"## Bits per message\n\n{table(('direction', 'message', 'bits at most'), *carried)}",
    )
    return "\n\n".join(section.strip() for section in sections) + "\n"


def main() -> None:
    """Write both files."""
    REFERENCE.write_text(reference(), encoding="utf-8")
    BUDGET.write_text(json.dumps(budget(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
