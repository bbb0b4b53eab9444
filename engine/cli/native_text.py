"""What a profile says of its native file and integrity hash, in words."""

from __future__ import annotations

from collections.abc import Iterator

from engine.profiles.native_rules import FIELD_SIZES, Condition, FieldRule, IntegrityRule, NativeRules, PayloadRule


def described_hash(rule: IntegrityRule) -> str:
    """Which hash, over what, and where it is kept."""
    own = f", its own field {rule.own}" if rule.own else ""
    return f"{rule.algorithm} over {rule.covers}{own}, kept in {', '.join(rule.kept)}"


def described_native(native: NativeRules) -> Iterator[tuple[str, str]]:
    """The file as a whole, then each of its fields in order."""
    yield (
        "native file",
        f"{native.type}, {native.byte_order}-endian, header {_size(native.header)}, "
        f"payload {_payload(native.payload)}, trailer {_size(native.trailer)}",
    )
    for place, fields in (("header", native.header), ("trailer", native.trailer)):
        for field in fields:
            yield f"{place} {field.name}", _field(field)


def _size(fields: tuple[FieldRule, ...]) -> str:
    more = "" if all(field.is_fixed for field in fields) else " and what varies"
    return f"{sum(field.size for field in fields if field.is_fixed)} bytes{more}"


def _payload(rule: PayloadRule) -> str:
    level = "" if rule.level is None else f" level {rule.level}"
    return rule.codec + level + (", alike pixels suffice" if rule.reencode == "pixels" else "")


def _field(field: FieldRule) -> str:
    if field.align:
        return f"to a multiple of {field.align} bytes"
    size = f", {field.size} bytes" if field.size else f", at most {field.at_most} bytes"
    size = size if FIELD_SIZES[field.type] is None else ""
    return f"{field.type}{size}: {_content(field)}{_when(field.when)}"


def _when(condition: Condition | None) -> str:
    if condition is None:
        return ""
    asked = f"is {condition.equals}" if condition.bit is None else f"has bit {condition.bit}"
    return f", if {condition.field} {asked}"


def _content(field: FieldRule) -> str:
    if field.length_of is not None:
        return f"length of {field.length_of}" + (f" by {field.unit} bytes" if field.unit > 1 else "")
    if field.bits:
        return "bits " + ", ".join(bit.text for bit in field.bits)
    if field.is_ is not None:
        return field.is_.text
    return f"always {field.value.hex()[:32]}" if isinstance(field.value, bytes) else f"always {field.value}"
