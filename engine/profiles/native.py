"""The description of a target's own image file, out of its TOML table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from engine.profiles import native_rules as grammar
from engine.profiles.expressions import Expression, Literal, Name
from engine.profiles.native_check import check_native
from engine.profiles.native_rules import Condition, FieldRule, NativeRules, PayloadRule
from engine.profiles.scopes import read_file_expression
from engine.toml.document import Table

_FIELD_NAME: Final = re.compile(r"\A[a-z][a-z0-9_]*\Z")
_MOST_FIELD_BYTES: Final = 65_536
_MOST_VARIABLE_BYTES: Final = 1 << 24  # bytes of a field whose length the file tells; more is no header
_MOST_ALIGN: Final = 65_536
_MOST_LEVEL: Final = 9
_MOST_UNIT: Final = 8
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    kind: (-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1) if kind.startswith("int") else (0, (1 << 8 * size) - 1)
    for kind, size in grammar.FIELD_SIZES.items()
    if kind in grammar.INTEGERS and size
}
_LEVELS: Final[Mapping[str, int]] = {"deflate": 6, "png": 1}  # where the profile states none


def read_native(table: Table) -> NativeRules:
    """[native]. Raises UsageProblem with file and line for whatever no file could be written and read again by."""
    table.only(("type", "byte_order", "header", "payload", "trailer"))
    native = NativeRules(
        type=table.word("type", ("dex",)),
        byte_order=table.word("byte_order", grammar.BYTE_ORDERS),
        header=_fields(table, "header"),
        payload=_payload(table.table("payload")),
        trailer=_fields(table, "trailer"),
    )
    check_native(table, native)
    return native


def _payload(table: Table) -> PayloadRule:
    table.only(("codec",), ("byte_order", "level", "reencode"))
    codec = table.word("codec", grammar.PAYLOAD_CODECS)
    if table.has("level") and codec not in _LEVELS:
        raise table.problem("level", f"{codec} has no level", "leave level out; deflate and png have one")
    if table.has("byte_order") and codec not in (*grammar.RAW, "deflate"):
        raise table.problem("byte_order", f"{codec} has no byte order", "leave it out; raw16, raw and deflate have one")
    if table.has("reencode") and codec in grammar.RAW:
        raise table.problem("reencode", f"{codec} has one form only", "leave reencode out")
    return PayloadRule(
        codec,
        byte_order=table.word("byte_order", grammar.BYTE_ORDERS) if table.has("byte_order") else None,
        level=table.integer("level", 0, _MOST_LEVEL) if table.has("level") else _LEVELS.get(codec),
        reencode=table.word("reencode", grammar.REENCODINGS) if table.has("reencode") else "bytes",
    )


def _fields(table: Table, key: str) -> tuple[FieldRule, ...]:
    return tuple(_field(entry) for entry in table.tables(key))


def _field(table: Table) -> FieldRule:
    if not table.has("type"):
        raise table.document.problem(table.path, "a field needs a type", 'add type = "uint32", or another')
    kind = table.word("type", grammar.FIELD_SIZES)
    content = _content(table, kind)
    _only(table, kind, content)
    if not _FIELD_NAME.match(table.text("name")):
        raise table.problem("name", "a field's name must be lower-case letters, digits and _")
    size = grammar.FIELD_SIZES[kind] or (table.integer("size", 1, _MOST_FIELD_BYTES) if table.has("size") else 0)
    return FieldRule(
        name=table.text("name"),
        type=kind,
        size=size,
        value=_value(table, kind, size) if content == "value" else None,
        is_=read_file_expression(table, "is") if content == "is" else None,
        encoding=table.word("encoding", grammar.FIELD_ENCODINGS) if kind == "text" else None,
        byte_order=table.word("byte_order", grammar.BYTE_ORDERS) if table.has("byte_order") else None,
        bits=_bits(table, size) if content == "bits" else (),
        length_of=table.text("length_of") if content == "length_of" else None,
        unit=table.integer("unit", 1, _MOST_UNIT) if table.has("unit") else 1,
        at_most=table.integer("at_most", 1, _MOST_VARIABLE_BYTES) if table.has("at_most") else 0,
        align=table.integer("align", 2, _MOST_ALIGN) if table.has("align") else 0,
        form=_form(table, size) if kind == "text" else "delimited",
        when=_condition(table.table("when")) if table.has("when") else None,
    )


def _content(table: Table, kind: str) -> str:
    """The key that says what stands in the field."""
    if kind == "padding":
        return "value"
    return next((key for key in ("is", "value", "bits", "length_of") if table.has(key)), "is")


def _only(table: Table, kind: str, content: str) -> None:
    required, optional = ["name", "type", content], ["when"]
    if kind == "padding":
        required.append("align")
    elif grammar.FIELD_SIZES[kind] is None:
        required.append("at_most" if kind in grammar.SIZELESS and table.has("at_most") else "size")
    else:
        optional.append("byte_order")
    if kind == "text":
        required.append("encoding")
        optional.append("form")
    if content == "length_of":
        optional.append("unit")
    table.only(required, optional)
    if content in ("bits", "length_of") and not kind.startswith("uint"):
        raise table.problem(content, f"a {kind} field cannot hold {content}", "write type uint8, uint16 or uint32")


def _form(table: Table, size: int) -> str:
    """A text of its own length needs no filling; one of a fixed size says how it is filled."""
    if table.has("form"):
        form = table.word("form", grammar.TEXT_FORMS)
        if not size and form == "spaces":
            raise table.problem("form", "a text of its own length is not filled", "write padded, or give it a size")
        return form
    return "delimited" if size else "padded"


def _condition(table: Table) -> Condition:
    key = "equals" if table.has("equals") else "bit"
    table.only(("field", key))
    if key == "bit":
        return Condition(table.text("field"), bit=table.integer("bit", 0, 63))
    return Condition(table.text("field"), equals=table.integer("equals", *_RANGES["int64"]))


def _bits(table: Table, size: int) -> tuple[Expression, ...]:
    bits = tuple(_bit(table, text) for text in _bit_texts(table))
    if len(bits) > size * 8:
        raise table.problem("bits", f"{len(bits)} bits do not fit {size * 8}", "take a wider type or fewer bits")
    return bits


def _bit_texts(table: Table) -> Sequence[str]:
    texts = table.value["bits"]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise table.problem("bits", "bits must be a list of texts, the lowest bit first", 'write "0" for an unused bit')
    return texts


def _bit(table: Table, text: str) -> Expression:
    """One bit: a name that is 0 or 1, or "0" for one that is never set."""
    expression = read_file_expression(Table(table.document, {"bits": text}, table.path), "bits")
    if expression.root in (Literal(0), Literal(1)):
        return expression
    if not isinstance(expression.root, Name) or expression.root.name not in grammar.TRUTHS:
        what = f"{text!r} is not one bit"
        raise table.problem("bits", what, f'write "0", "1" or one of {", ".join(grammar.TRUTHS)}')
    return expression


def _value(table: Table, kind: str, size: int) -> int | float | bytes | str:
    if kind in _RANGES:
        return table.integer("value", *_RANGES[kind])
    if kind in grammar.FLOATS:
        return table.number("value")
    if kind == "text":
        return table.text("value")
    if kind == "padding":
        return _one_byte(table)
    if kind != "bytes" or not size:
        raise table.problem("value", f"a {kind} field takes `is`; a constant is for bytes and integers")
    return _repeated(table, size)


def _one_byte(table: Table) -> bytes:
    value = _hex(table)
    if len(value) != 1:
        raise table.problem("value", "padding is filled with one byte", 'write its two hex digits, such as "00"')
    return value


def _repeated(table: Table, size: int) -> bytes:
    pattern = _hex(table)
    if not pattern or size % len(pattern):
        raise table.problem("value", f"{len(pattern)} byte(s) do not fill {size} evenly")
    return pattern * (size // len(pattern))


def _hex(table: Table) -> bytes:
    try:
        return bytes.fromhex(table.text("value"))
    except ValueError as problem:
        raise table.problem("value", "must be pairs of hex digits, such as 44455831") from problem
