"""Walks every type of the language: refuses what could hold free text, and counts the bits that a value can carry."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec.inspect as kinds

from protocol import values
from protocol.messages import AgentMessage, EventBody, HubMessage, OrderBody

VERSION_PARTS = 10 + 100 + 1000 + 10_000
CERTIFICATE_CHARACTERS = 2732 - len("MII")


def _pattern(annotated: object) -> str:
    return str(annotated.__metadata__[0].pattern)  # type: ignore[attr-defined]


STRING_BITS = {
    _pattern(values.Id): 128.0,
    _pattern(values.Digest): 256.0,
    _pattern(values.SignatureHex): 512.0,
    _pattern(values.Version): math.log2(sum(VERSION_PARTS**parts for parts in range(1, 5))),
    _pattern(values.Certificate): 6.0 * CERTIFICATE_CHARACTERS,
}
"""The only strings there are, by pattern, and the bits of each. A pattern that is not here is a new kind of string."""


class OpenType(Exception):
    """A type that could hold something nobody foresaw; the message is where it stands."""


def bits(kind: kinds.Type, where: str = "") -> float:  # noqa: PLR0911 - one return a kind
    """log2 of how many different values `kind` allows. Raises OpenType."""
    match kind:
        case kinds.NoneType():
            return 0.0
        case kinds.BoolType():
            return 1.0
        case kinds.EnumType(cls=words):
            return math.log2(len(words))
        case kinds.IntType(ge=int(low), le=int(high)):
            return math.log2(high - low + 1)
        case kinds.FloatType(ge=low, le=high) if low is not None and high is not None:
            return math.log2((high - low) * 10**values.GRAIN_DIGITS + 1)
        case kinds.StrType(pattern=str(pattern), max_length=int()) if pattern in STRING_BITS:
            return STRING_BITS[pattern]
        case kinds.UnionType(types=types):
            return _either(bits(one, where) for one in types)
        case kinds.VarTupleType(item_type=item, max_length=int(most)):
            return _either(length * bits(item, f"{where}[]") for length in range(most + 1))
        case kinds.DictType(key_type=kinds.EnumType(cls=words), value_type=value, max_length=int()):
            return len(words) * _either([0.0, bits(value, f"{where}{{}}")])
        case kinds.StructType(forbid_unknown_fields=True, cls=cls) if cls.__struct_config__.frozen:
            return sum(bits(field.type, f"{where}.{field.encode_name}") for field in kind.fields)
    raise OpenType(f"{where}: {kind}")


def _either(choices: Iterable[float]) -> float:
    """log2 of the sum of 2**choice, without overflow."""
    listed = list(choices)
    most = max(listed)
    return most + math.log2(sum(2.0 ** (choice - most) for choice in listed))


def structs(kind: kinds.Type) -> dict[type, kinds.StructType]:
    """Every struct that `kind` contains, itself included, in the order in which a reader meets them."""
    found: dict[type, kinds.StructType] = {}
    _collect(kind, found)
    return found


def _collect(kind: kinds.Type, found: dict[type, kinds.StructType]) -> None:
    match kind:
        case kinds.StructType(cls=cls) if cls not in found:
            found[cls] = kind
            for field in kind.fields:
                _collect(field.type, found)
        case kinds.UnionType(types=types):
            for one in types:
                _collect(one, found)
        case kinds.VarTupleType(item_type=item):
            _collect(item, found)
        case kinds.DictType(value_type=value):
            _collect(value, found)


def members(union: object) -> dict[str, kinds.StructType]:
    """The structs of a tagged union, by tag."""
    info = kinds.type_info(union)
    listed = info.types if isinstance(info, kinds.UnionType) else (info,)
    return {str(one.tag): one for one in listed if isinstance(one, kinds.StructType)}


def budget() -> dict[str, dict[str, int]]:
    """Bits that one message of each kind can carry at most, rounded up. Envelope messages count with every body."""
    groups = {
        "from the agent": AgentMessage,
        "from the agent, in an event": EventBody,
        "from the hub": HubMessage,
        "from the hub, in an order": OrderBody,
    }
    return {
        group: {tag: math.ceil(bits(struct, tag)) for tag, struct in members(union).items()}
        for group, union in groups.items()
    }
