"""Whether a described native file can be written and read again: names, sizes, lengths, conditions, payload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.profiles import native_rules as grammar
from engine.profiles.native_rules import FieldRule, NativeRules, is_integrity
from engine.toml.document import Table

_NEEDED: Final = ("pixels.width", "pixels.height", "pixels.samples", "pixels.bits_stored")
Placed = tuple[str, int, FieldRule]  # header or trailer, number in it, the field


def check_native(table: Table, native: NativeRules) -> None:
    """Raises UsageProblem that points at the field."""
    _check_names(table, native)
    _check_header_size(table, native)
    _check_payload_size(table, native)
    _check_lengths(table, native)
    _check_conditions(table, native)
    _check_sizes_told(table, native)


def _placed(native: NativeRules) -> Iterator[Placed]:
    for key, fields in (("header", native.header), ("trailer", native.trailer)):
        yield from ((key, index, field) for index, field in enumerate(fields))


def _check_names(table: Table, native: NativeRules) -> None:
    seen: set[str] = set()
    for key, index, field in _placed(native):
        if field.name in seen:
            raise table.document.problem((*table.path, key, index), f"two fields are called {field.name}")
        seen.add(field.name)


def _check_header_size(table: Table, native: NativeRules) -> None:
    """A constant called header_size states the sum of the header's sizes; it must be true."""
    for index, field in enumerate(native.header):
        if field.name != "header_size" or field.value is None:
            continue
        at = (*table.path, "header", index)
        if not all(other.is_fixed for other in native.header):
            advice = 'write is = "header.size" in place of value'
            raise table.document.problem(at, "header_size is no constant: the header's fields vary", advice)
        if field.value != native.header_size:
            what = f"header_size is not what the fields sum to, {native.header_size}"
            raise table.document.problem(at, what)


def _check_payload_size(table: Table, native: NativeRules) -> None:
    """Without the pixels' shape in the header no reader could tell where the payload ends."""
    written = {name for field in native.header if field.when is None for name in field.names}
    for needed in _NEEDED:
        if needed not in written:
            raise table.problem("header", f"no header field is {needed}; the file could not be read again")
    if native.payload.codec in grammar.RAW or "payload.size" in written:
        return
    if not all(field.is_fixed for field in native.trailer):
        advice = 'add a header field with is = "payload.size"'
        raise table.problem("payload", f"nothing tells where the {native.payload.codec} payload ends", advice)


def _check_lengths(table: Table, native: NativeRules) -> None:
    """Every field of its own length has one length field, which stands before it and is there whenever it is."""
    lengths: dict[str, FieldRule] = {}
    sizeless = {field.name for field in native.fields if field.at_most}
    for key, index, field in _placed(native):
        at = (*table.path, key, index)
        if field.length_of is not None:
            if field.length_of not in sizeless:
                what = f"{field.length_of} is no field with at_most"
                raise table.document.problem(at, what, "name a bytes or text field that has at_most in place of size")
            if field.length_of in lengths:
                raise table.document.problem(at, f"two fields are the length of {field.length_of}", "remove one")
            lengths[field.length_of] = field
        if field.at_most:
            _check_length_of(table, at, field, lengths.get(field.name))


def _check_length_of(table: Table, at: tuple[str | int, ...], field: FieldRule, length: FieldRule | None) -> None:
    if length is None:
        what, advice = (
            f"nothing before {field.name} tells its length",
            f'add an integer with length_of = "{field.name}"',
        )
        raise table.document.problem(at, what, advice)
    if length.when not in (None, field.when):
        what, advice = f"{length.name} is not there whenever {field.name} is", "give both the same `when`"
        raise table.document.problem(at, what, advice)
    room = ((1 << 8 * length.size) - 1) * length.unit
    if room < field.at_most:
        what = f"{length.name} holds lengths up to {room}, {field.name} may have {field.at_most}"
        raise table.document.problem(at, what, f"write at_most = {room}, or a wider length")
    if is_integrity(field):
        raise table.document.problem(at, "an integrity hash needs a field of fixed size", "give it a size")


def _check_conditions(table: Table, native: NativeRules) -> None:
    """What a condition asks is an integer field that stands before it, whatever the picture."""
    earlier: dict[str, FieldRule] = {}
    for key, index, field in _placed(native):
        if field.when is not None:
            _check_condition(table, (*table.path, key, index), field, earlier.get(field.when.field))
        earlier[field.name] = field


def _check_condition(table: Table, at: tuple[str | int, ...], field: FieldRule, asked: FieldRule | None) -> None:
    assert field.when is not None  # noqa: S101 - for the type checker
    if asked is None:
        advice = "name a field that stands before this one"
        raise table.document.problem(at, f"when: no earlier field is called {field.when.field}", advice)
    sized = asked.length_of is not None or any(name in grammar.SIZE_NAMES for name in asked.names)
    if asked.type not in grammar.INTEGERS or asked.when is not None or sized or is_integrity(asked):
        advice = "name an integer field that every file has, and that is no length and no hash"
        raise table.document.problem(at, f"when: {asked.name} cannot be asked", advice)
    if field.when.bit is not None and field.when.bit >= asked.size * 8:
        what = f"when: {asked.name} has {asked.size * 8} bits, the highest is {asked.size * 8 - 1}"
        raise table.document.problem(at, what, "name a lower bit")


def _check_sizes_told(table: Table, native: NativeRules) -> None:
    """A size of the file is told plainly, in an unsigned integer: `is = "payload.size"`."""
    for key, index, field in _placed(native):
        told = field.names & set(grammar.SIZE_NAMES)
        if told and (field.is_ is None or field.is_.text.strip() not in told or not field.type.startswith("uint")):
            advice = f'write type = "uint32", is = "{min(told)}"'
            raise table.document.problem((*table.path, key, index), f"{field.name} must be a plain size", advice)
