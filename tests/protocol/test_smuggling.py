"""No text gets out: every string of every message is tried with every trick, on the wire and at the door out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, get_args

import msgspec
import pytest

from protocol.codec import Message, decode_from_agent, decode_from_hub, guard
from protocol.errors import ProtocolViolation
from protocol.messages import AgentMessage
from tests.protocol import world

pytestmark = pytest.mark.attack

every_message = pytest.mark.parametrize("message", world.EVERY_MESSAGE, ids=world.name_of)

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
WIDE = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))
CYRILLIC = str.maketrans("ace", "асе")

TRICKS: dict[str, Callable[[str], str]] = {
    "a newline behind": lambda text: text + "\n",
    "a newline before": lambda text: "\n" + text,
    "a second line": lambda text: text + "\nSMITH",
    "a line before": lambda text: "SMITH\n" + text,
    "a carriage return behind": lambda text: text + "\r",
    "a line separator behind": lambda text: text + "\u2028",
    "a NUL behind": lambda text: text + "\0",
    "a NUL and a name": lambda text: text + "\0SMITH",
    "a space behind": lambda text: text + " ",
    "a space before": lambda text: " " + text,
    "a tab behind": lambda text: text + "\t",
    "a name behind": lambda text: text + "SMITH",
    "a name before": lambda text: "SMITH" + text,
    "a name alone": lambda _: "SMITH^JOHN",
    "a name of the same length": lambda text: ("smith" * 200)[: len(text)],
    "a name of the same length in base64": lambda text: text[:3] + ("smith" * 200)[: len(text) - 3],
    "a date": lambda _: "1971-03-04",
    "a chart number": lambda _: "000123",
    "a path": lambda _: "../../data/smith.dcm",
    "nothing": lambda _: "",
    "a very long text": lambda text: text + "a" * 2000,
    "one letter less": lambda text: text[:-1],
    "one letter more": lambda text: text + text[-1:],
    "capitals": str.upper,
    "small letters": str.lower,
    "swapped case": str.swapcase,
    "Arabic digits": lambda text: text.translate(ARABIC),
    "wide digits": lambda text: text.translate(WIDE),
    "Cyrillic letters": lambda text: text.translate(CYRILLIC),
    "a combining accent": lambda text: text + "\u0301",
    "a zero-width space": lambda text: text + "\u200b",
    "a byte order mark": lambda text: "\ufeff" + text,
    "a turned direction": lambda text: "\u202e" + text,
    "another script": lambda _: "Мария Иванова",
    "an emoji": lambda text: text + "🦷",
    "a lone surrogate": lambda text: text + "\udcff",
    "a quote": lambda text: text + '"',
    "a backslash": lambda text: text + "\\",
    "a field": lambda text: text + '","name":"SMITH',
}


def decode(frame: bytes, like: Message) -> Message:
    return decode_from_agent(frame) if isinstance(like, get_args(AgentMessage)) else decode_from_hub(frame)


def strings(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The path and value of every string in a tree of JSON."""
    if isinstance(tree, str):
        yield path, tree
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from strings(child, (*path, key))


def changed(tree: Any, path: tuple[Any, ...], value: str) -> Any:
    copy = json.loads(json.dumps(tree))
    node = copy
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return copy


def lawful(path: tuple[Any, ...], trick: str) -> bool:
    """A version has no one length. A certificate is base64, travels to the practice only, and is parsed there."""
    shortened = trick.startswith("one letter")
    base64 = path[-1] == "certificate" and trick in ("capitals", "a name of the same length in base64")
    return base64 or (path[-1] in ("agent_version", "engine_version", "certificate") and shortened)


@pytest.mark.parametrize("trick", TRICKS)
@every_message
def test_text_is_refused_in_every_string_on_the_wire(message: Message, trick: str) -> None:
    tree = json.loads(guard(message))
    for path, value in strings(tree):
        told = TRICKS[trick](value)
        if told == value or lawful(path, trick):
            continue
        for ascii_only in (True, False):
            text = json.dumps(changed(tree, path, told), separators=(",", ":"), ensure_ascii=ascii_only)
            with pytest.raises(ProtocolViolation):
                decode(text.encode("utf-8", "surrogatepass"), message)


@every_message
def test_the_same_string_in_escapes_is_refused(message: Message) -> None:
    """An escape would be a second spelling of the same value: one bit a letter."""
    tree = json.loads(guard(message))
    for path, value in strings(tree):
        for escaped in (f"\\u{ord(value[0]):04x}{value[1:]}", f"{value[:-1]}\\u{ord(value[-1]):04X}"):
            frame = json.dumps(changed(tree, path, "@"), separators=(",", ":")).replace('"@"', f'"{escaped}"')
            assert json.loads(frame) == tree
            with pytest.raises(ProtocolViolation):
                decode(frame.encode(), message)


def values(node: Any) -> Iterator[tuple[Any, str, str]]:
    """Every struct of a message with the name and text of each field that is a string."""
    if isinstance(node, msgspec.Struct):
        for name in node.__struct_fields__:
            value = getattr(node, name)
            if isinstance(value, str):
                yield node, name, value
            yield from values(value)
    elif isinstance(node, tuple):
        for item in node:
            yield from values(item)


@pytest.mark.parametrize("trick", TRICKS)
@every_message
def test_text_is_refused_in_every_field_at_the_door_out(message: Message, trick: str) -> None:
    """Constructors do not validate, so a message with text can be made; it cannot leave."""
    copy = decode(guard(message), message)
    for struct, name, value in values(copy):
        told = TRICKS[trick](value)
        if told == value or lawful((name,), trick):
            continue
        msgspec.structs.force_setattr(struct, name, told)
        with pytest.raises(ProtocolViolation) as caught:
            guard(copy)
        assert "SMITH" not in str(caught.value)
        msgspec.structs.force_setattr(struct, name, value)
    assert guard(copy) == guard(message)


@every_message
def test_a_tag_or_field_name_cannot_carry_text(message: Message) -> None:
    tree = json.loads(guard(message))
    for name in ("SMITH", "type\n", "Type", "", "seq ", "ｔype"):
        frame = json.dumps({**tree, name: 1}, separators=(",", ":"), ensure_ascii=False).encode()
        with pytest.raises(ProtocolViolation):
            decode(frame, message)
        frame = json.dumps({**tree, "type": name}, separators=(",", ":"), ensure_ascii=False).encode()
        with pytest.raises(ProtocolViolation):
            decode(frame, message)
