"""The description of a target's own image file, out of its TOML table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from engine.profiles import schema
from engine.profiles.schema import FieldRule, NativeRules, PayloadRule
from engine.profiles.scopes import read_file_expression
from engine.toml.document import Table

_FIELD_NAME: Final = re.compile(r"\A[a-z][a-z0-9_]*\Z")
_MOST_FIELD_BYTES: Final = 65_536
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "uint8": (0, 0xFF),
    "uint16": (0, 0xFFFF),
    "uint32": (0, 0xFFFF_FFFF),
    "int32": (-0x8000_0000, 0x7FFF_FFFF),
}
_FIELD_ENCODINGS: Final = ("utf-8", "utf-16-le", "latin-1", "cp1252", "ascii")


def read_native(table: Table) -> NativeRules:
    """[native]. Raises UsageProblem with file and line, also where sizes do not sum to header_size."""
    table.only(("type", "byte_order", "header", "payload", "trailer"))
    native = NativeRules(
        type=table.word("type", ("dex",)),
        byte_order=table.word("byte_order", schema.BYTE_ORDERS),
        header=_fields(table, "header"),
        payload=PayloadRule(table.table("payload").only(("codec",)).word("codec", schema.PAYLOAD_CODECS)),
        trailer=_fields(table, "trailer"),
    )
    _check_names(table, native)
    _check_header_size(table, native)
    _check_payload_size(table, native)
    return native


def _fields(table: Table, key: str) -> tuple[FieldRule, ...]:
    return tuple(_field(entry) for entry in table.tables(key))


def _field(table: Table) -> FieldRule:
    if not table.has("type"):
        raise table.document.problem(table.path, "a field needs a type")
    kind = table.word("type", schema.FIELD_SIZES)
    required = ("name", "type", *(("size",) if schema.FIELD_SIZES[kind] is None else ()))
    content = "value" if table.has("value") and not table.has("is") else "is"
    table.only((*required, content, *(("encoding",) if kind == "text" else ())))
    if not _FIELD_NAME.match(table.text("name")):
        raise table.problem("name", "a field's name must be lower-case letters, digits and _")
    size = schema.FIELD_SIZES[kind] or table.integer("size", 1, _MOST_FIELD_BYTES)
    return FieldRule(
        name=table.text("name"),
        type=kind,
        size=size,
        value=_constant(table, kind, size) if content == "value" else None,
        is_=read_file_expression(table, "is") if content == "is" else None,
        encoding=table.word("encoding", _FIELD_ENCODINGS) if kind == "text" else None,
    )


def _constant(table: Table, kind: str, size: int) -> int | bytes:
    if kind in _RANGES:
        return table.integer("value", *_RANGES[kind])
    if kind != "bytes":
        raise table.problem("value", f"a {kind} field takes `is`; a constant is for bytes and integers")
    return _repeated(table, size)


def _repeated(table: Table, size: int) -> bytes:
    try:
        pattern = bytes.fromhex(table.text("value"))
    except ValueError as problem:
        raise table.problem("value", "must be pairs of hex digits, such as 44455831") from problem
    if not pattern or size % len(pattern):
        raise table.problem("value", f"{len(pattern)} byte(s) do not fill {size} evenly")
    return pattern * (size // len(pattern))


def _check_names(table: Table, native: NativeRules) -> None:
    seen: set[str] = set()
    for key, fields in (("header", native.header), ("trailer", native.trailer)):
        for index, field in enumerate(fields):
            if field.name in seen:
                raise table.document.problem((*table.path, key, index), f"two fields are called {field.name}")
            seen.add(field.name)


def _check_header_size(table: Table, native: NativeRules) -> None:
    """A constant called header_size states the sum of the header's sizes; it must be true."""
    for index, field in enumerate(native.header):
        if field.name == "header_size" and field.value != native.header_size:
            what = f"header_size is not what the fields sum to, {native.header_size}"
            raise table.document.problem((*table.path, "header", index), what)


def _check_payload_size(table: Table, native: NativeRules) -> None:
    """Without the pixels' shape in the header no reader could tell where the payload ends."""
    written = {name for field in native.header if field.is_ for name in field.is_.names}
    for needed in ("pixels.width", "pixels.height", "pixels.samples", "pixels.bits_stored"):
        if needed not in written:
            raise table.problem("header", f"no header field is {needed}; the file could not be read again")
