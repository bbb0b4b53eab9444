"""What the header of a native file says, against the rows and the source's picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.reconcile.image_values import Flaw
from engine.reconcile.native_reader import Field, NativeFile, NativeLayout, Value, packed_text
from engine.reconcile.picture import Picture
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode

LOW_IS_WHITE, SIGNED, HAS_WINDOW = 1, 2, 4  # pixels.flags
INTEGRITY = "integrity()"
_SIZES = frozenset({"payload.size"})  # judged where the file is taken apart
_TOLD_BY_PICTURE = frozenset(
    {"pixels.width", "pixels.height", "pixels.bits_allocated", "pixels.bits_stored", "pixels.samples", "pixels.flags"}
    | {"pixels.window_center", "pixels.window_width"}
)


def require_checkable(layout: NativeLayout, names: frozenset[str]) -> None:
    """Raises UsageProblem if the header repeats something that cannot be checked; `names` are what rows tell."""
    known = names | _TOLD_BY_PICTURE | _SIZES | {INTEGRITY}
    for field in (*layout.header, *layout.trailer):
        if field.meaning is not None and field.meaning not in known:
            raise UsageProblem(
                f"native field {field.name}: reconcile cannot check {field.meaning}",
                where="target profile",
                next_step="write the field with one of the names that reconcile knows: " + ", ".join(sorted(known)),
            )


def told_by(picture: Picture) -> Mapping[str, Value]:
    """What a header must say of the source's picture."""
    center, width = picture.window or (0.0, 0.0)
    flags = picture.low_is_white * LOW_IS_WHITE | picture.signed * SIGNED | (picture.window is not None) * HAS_WINDOW
    return {
        "pixels.width": picture.samples.shape[1],
        "pixels.height": picture.samples.shape[0],
        "pixels.bits_allocated": picture.bits_allocated,
        "pixels.bits_stored": picture.bits_stored,
        "pixels.samples": 3 if picture.is_colour else 1,
        "pixels.flags": flags,
        "pixels.window_center": center,
        "pixels.window_width": width,
    }


def header_flaws(file: NativeFile, expected: Mapping[str, Value], content: str) -> Iterator[Flaw]:
    """Every field that says something else than `expected`, by meaning; `content` is the file's recomputed hash."""
    for field, value, raw in file.fields:
        if field.meaning == INTEGRITY:
            if raw.hex() != content:
                yield Flaw(FindingCode.INTEGRITY_MISMATCH, f"{field.name} is not the hash of this file", on_disk=True)
        elif not _agrees(field, value, raw, expected):
            yield Flaw(FindingCode.HEADER_DIFFERS, f"{field.name} says something else", on_disk=True)


def _agrees(field: Field, value: Value, raw: bytes, expected: Mapping[str, Value]) -> bool:
    if field.fixed is not None:
        return raw == field.fixed
    if field.meaning is None or field.meaning in _SIZES:
        return True
    if field.kind == "text":
        return raw == packed_text(str(expected[field.meaning] or ""), field.size, field.encoding)
    return value == expected[field.meaning]
