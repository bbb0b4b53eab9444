"""What the header and trailer of a native file say, against the rows and the source's picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from engine.reconcile.formula import CannotTell, Codes, Formula
from engine.reconcile.image_values import Flaw
from engine.reconcile.native_reader import SIZES, Field, NativeFile, NativeLayout, Value
from engine.reconcile.native_seal import written
from engine.reconcile.native_values import ValueUnfit, raw_of
from engine.reconcile.picture import GreyTable, GreyWindow, Picture
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode

LOW_IS_WHITE, SIGNED, HAS_WINDOW = 1, 2, 4  # pixels.flags
# Further bits of pixels.flags, set only in files that have a place for what they announce.
_ANNOUNCED = {"rescale_slope": 8, "row_spacing": 16, "windows": 32, "voi_lut": 64, "modality_lut": 64}
INTEGRITY = "integrity()"
_FORMS = frozenset(f"{form}({INTEGRITY})" for form in ("hex", "upper_hex", "base64", "number", "signed_number"))
_LUT_PARTS = ("", "_first", "_bits", "_count", "_explanation")
_TOLD_BY_PICTURE = frozenset(
    f"pixels.{name}"
    for name in (
        *("width", "height", "bits_allocated", "bits_stored", "samples", "flags", "window_center", "window_width"),
        *("windows", "low_is_white", "signed", "has_window", "has_rescale", "has_spacing", "has_voi_lut"),
        *("has_modality_lut", "has_window_words", "rescale_slope", "rescale_intercept", "row_spacing"),
        *("column_spacing", *(f"{lut}{part}" for lut in ("voi_lut", "modality_lut") for part in _LUT_PARTS)),
    )
)


def require_checkable(layout: NativeLayout, names: frozenset[str]) -> None:
    """Raises UsageProblem if the file repeats something that cannot be checked; `names` are what rows tell."""
    known = names | _TOLD_BY_PICTURE | frozenset(SIZES) | {INTEGRITY} | _FORMS
    for field in layout.fields:
        for meaning in (*field.bits, *((field.meaning,) if field.meaning else ())):
            if meaning not in known and not _can_be_worked_out(meaning, known):
                raise UsageProblem(
                    f"native field {field.name}: reconcile cannot check {meaning}",
                    where="target profile",
                    next_step="write the field with names that reconcile knows: " + ", ".join(sorted(known)),
                )


def _can_be_worked_out(meaning: str, known: frozenset[str]) -> bool:
    try:
        return _formula(meaning).names <= known
    except CannotTell:
        return False


_formula = lru_cache(Formula)


def told_by(picture: Picture, layout: NativeLayout) -> Mapping[str, Value]:
    """What a file must say of the source's picture."""
    center, width = picture.window or (0.0, 0.0)
    shown = picture.shown
    truths = {
        "low_is_white": picture.low_is_white,
        "signed": picture.signed,
        "has_window": bool(shown.windows),
        "has_rescale": shown.rescale is not None,
        "has_spacing": shown.spacing is not None,
        "has_voi_lut": bool(shown.tables),
        "has_modality_lut": shown.modality is not None,
        "has_window_words": len(shown.windows) > 1 or any(_has_words(window) for window in shown.windows),
    }
    slope, intercept = shown.rescale or (1.0, 0.0)
    rows_apart, columns_apart = shown.spacing or (0.0, 0.0)
    return {
        "pixels.width": picture.samples.shape[1],
        "pixels.height": picture.samples.shape[0],
        "pixels.bits_allocated": picture.bits_allocated,
        "pixels.bits_stored": picture.bits_stored,
        "pixels.samples": 3 if picture.is_colour else 1,
        "pixels.flags": _flags(truths, layout),
        "pixels.window_center": center,
        "pixels.window_width": width,
        "pixels.windows": "\n".join(map(_window_line, shown.windows)),
        "pixels.rescale_slope": slope,
        "pixels.rescale_intercept": intercept,
        "pixels.row_spacing": rows_apart,
        "pixels.column_spacing": columns_apart,
        **{f"pixels.{name}": int(truth) for name, truth in truths.items()},
        **_table("pixels.voi_lut", shown.tables[0] if shown.tables else None),
        **_table("pixels.modality_lut", shown.modality),
    }


def _flags(truths: Mapping[str, bool], layout: NativeLayout) -> int:
    flags = truths["low_is_white"] * LOW_IS_WHITE | truths["signed"] * SIGNED
    if truths["has_window"] and (layout.tells("pixels.window_center") or layout.tells("pixels.windows")):
        flags |= HAS_WINDOW
    given = {
        "rescale_slope": truths["has_rescale"],
        "row_spacing": truths["has_spacing"],
        "windows": truths["has_window_words"],
        "voi_lut": truths["has_voi_lut"],
        "modality_lut": truths["has_modality_lut"],
    }
    for name, bit in _ANNOUNCED.items():
        if given[name] and layout.tells(f"pixels.{name}"):
            flags |= bit
    return flags


def _has_words(window: GreyWindow) -> bool:
    return window.explanation != "" or window.function != "LINEAR"


def _window_line(window: GreyWindow) -> str:
    return "\\".join((repr(window.center), repr(window.width), window.function, window.explanation))


def _table(name: str, table: GreyTable | None) -> Mapping[str, Value]:
    if table is None:
        return {
            f"{name}": b"",
            **{f"{name}_{part}": 0 for part in ("first", "bits", "count")},
            f"{name}_explanation": "",
        }
    return {
        name: table.entries,
        f"{name}_first": table.first,
        f"{name}_bits": table.bits,
        f"{name}_count": len(table.entries) // 2,
        f"{name}_explanation": table.explanation,
    }


def header_flaws(
    file: NativeFile, expected: Mapping[str, Value], seal: bytes, codes: Codes = MappingProxyType({})
) -> Iterator[Flaw]:
    """Every field that says something else than `expected`, by meaning; `seal` is the file's recomputed hash."""
    for field, _, raw in file.fields:
        if INTEGRITY in (field.meaning or ""):
            if not _holds(field, raw, written(seal, field.meaning or "")):
                yield Flaw(FindingCode.INTEGRITY_MISMATCH, f"{field.name} is not the hash of this file", on_disk=True)
        elif not _agrees(field, raw, expected, codes):
            yield Flaw(FindingCode.HEADER_DIFFERS, f"{field.name} says something else", on_disk=True)


def _agrees(field: Field, raw: bytes, expected: Mapping[str, Value], codes: Codes) -> bool:
    if field.align:
        return raw == (field.fixed or b"\0") * len(raw)
    if field.fixed is not None:
        return raw == field.fixed
    if field.length_of or field.meaning in SIZES:
        return True  # judged when the file was taken apart
    try:
        return _holds(field, raw, _worked_out(field, expected, codes))
    except CannotTell:
        return False


def _worked_out(field: Field, expected: Mapping[str, Value], codes: Codes) -> Value:
    """What the field should hold. Raises CannotTell."""
    if field.bits:
        numbers = (int(bit) if bit in ("0", "1") else int(bool(expected[bit])) for bit in field.bits)
        return sum(number << place for place, number in enumerate(numbers))
    meaning = field.meaning or "null"
    value: Value = expected[meaning] if meaning in expected else _formula(meaning).value(expected, codes)
    return value


def _holds(field: Field, raw: bytes, value: Value) -> bool:
    try:
        return raw == raw_of(field, value)
    except ValueUnfit:
        return False
