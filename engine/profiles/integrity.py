"""The integrity hash of one kind of target file, out of its TOML table: it must be one that can be computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.profiles import native_rules as grammar
from engine.profiles.expressions import FORMS, Expression
from engine.profiles.native_rules import FieldRule, IntegrityRule, NativeRules, is_integrity
from engine.profiles.schema import InsertRule
from engine.toml.document import Table

_HEXADECIMAL: Final = frozenset({"integrity()", "hex(integrity())"})  # bytes and hex read alike
_KEEPERS: Final = ("bytes", "text", *grammar.INTEGERS)
_MARGINS: Final[Mapping[str, int]] = {"delimited": 2, "terminated": 1}  # bytes of a text field that hold no letter


def read_integrity(table: Table, inserted: Mapping[str, Expression], native: NativeRules | None) -> IntegrityRule:
    """The rule; `native` is None for a file of another type. Raises UsageProblem with file and line."""
    table.only(("algorithm", "covers", "kept"), ("own",))
    rule = IntegrityRule(
        algorithm=table.word("algorithm", tuple(grammar.INTEGRITY_SIZES)),
        covers=table.word("covers", grammar.INTEGRITY_COVERS),
        kept=table.texts("kept"),
        own=table.word("own", grammar.OWN_FIELDS) if table.has("own") else None,
    )
    if native is None and rule.covers not in ("pixels", "file"):
        raise table.problem("covers", f"only a native file has {rule.covers}", "write pixels or file")
    for place in rule.kept:
        if place in grammar.IN_FILE:
            _require_one_field(table, native, place)
        elif place not in inserted or "integrity" not in inserted[place].functions:
            raise table.problem("kept", f"{place!r} is no column that is inserted as integrity()")
    _check_own(table, rule, native)
    for field in native.fields if native else ():
        if is_integrity(field):
            _check_room(table, rule, field)
    return rule


def refuse_two_forms(root: Table, insert: tuple[InsertRule, ...]) -> None:
    """All columns that keep the hash are read in one form by reconcile; another would never be compared."""
    kept = {
        ("insert", index, "columns", column): "".join(expression.text.split())
        for index, rule in enumerate(insert)
        for column, expression in rule.columns.items()
        if "integrity" in expression.functions
    }
    forms = {place: "integrity()" if text in _HEXADECIMAL else text for place, text in kept.items()}
    first = next(iter(forms.values()), "")
    if other := next((place for place, form in forms.items() if form != first), None):
        told = ", ".join(f"{insert[index].table}.{column} = {text}" for (_, index, _, column), text in kept.items())
        raise root.document.problem(
            other,
            f"the integrity hash is kept in columns of different forms, and reconcile reads one: {told}",
            "write the same expression for each, or leave all but one of the columns out",
        )


def _require_one_field(table: Table, native: NativeRules | None, place: str) -> None:
    if len([field for field in _part(native, place) if is_integrity(field)]) != 1:
        raise table.problem("kept", f"kept in the {place}, but the file has no single {place} field integrity()")


def _check_room(table: Table, rule: IntegrityRule, field: FieldRule) -> None:
    """The hash, in the form the field's expression gives it, must fill the field and not be cut."""
    if field.type not in _KEEPERS or field.when is not None:
        advice = "write type bytes, text or an integer, without when"
        raise table.problem("kept", f"{field.name} cannot keep a hash", advice)
    written = _written(rule, field)
    if isinstance(written, bytes) and field.type == "bytes" and len(written) != field.size:
        what = f"{rule.algorithm} gives {len(written)} bytes, the field has {field.size}"
        raise table.problem("algorithm", what)
    if not isinstance(written, _forms(field)):
        words = {"bytes": "integrity()", "text": "hex(integrity())"}.get(field.type, "number(integrity())")
        raise table.problem("kept", f"{field.name} is a {field.type} field", f'write is = "{words}" there')
    if isinstance(written, int) and written.bit_length() > 8 * field.size:
        raise table.problem("algorithm", f"{rule.algorithm} gives {rule.size} bytes, the field has {field.size}")
    if isinstance(written, str) and len(written) + _MARGINS.get(field.form, 0) > field.size:
        what = f"{field.name} has {field.size} bytes for {len(written)} letters"
        raise table.problem("algorithm", what, f"give it size = {len(written) + _MARGINS.get(field.form, 0)}")


def _written(rule: IntegrityRule, field: FieldRule) -> object:
    """The largest hash, as the field would hold it."""
    functions = {"integrity": lambda: b"\xff" * rule.size}
    return field.is_.evaluate({}, functions) if field.is_ and field.is_.functions <= FORMS | {"integrity"} else None


def _forms(field: FieldRule) -> type:
    return {"bytes": bytes, "text": str}.get(field.type, int)


def _part(native: NativeRules | None, place: str) -> tuple[FieldRule, ...]:
    if native is None:
        return ()
    return native.header if place == "header" else native.trailer


def _check_own(table: Table, rule: IntegrityRule, native: NativeRules | None) -> None:
    """A hash that depends on itself cannot be computed."""
    places = [place for place in grammar.IN_FILE if any(is_integrity(field) for field in _part(native, place))]
    covered = grammar.COVERED_PARTS.get(rule.covers, ())
    if rule.covers == "before":
        _check_before(table, rule, places)
    elif rule.own is not None and not set(covered) & set(places):
        raise table.problem("own", f"{rule.covers} does not hold the hash itself", "leave own out")
    elif rule.own is None and set(covered) & set(places):
        whole = "whole file" if rule.covers == "file" else rule.covers
        what = f"a hash over the {whole} cannot be kept inside the file, which it would change"
        raise table.problem("covers", what, 'add own = "zeroed" or own = "left-out", or cover other bytes')


def _check_before(table: Table, rule: IntegrityRule, places: list[str]) -> None:
    if len(places) != 1:
        what = "a hash over everything before it needs one place in the file, in the header or the trailer"
        raise table.problem("covers", what, "keep it in one field of the native file, or cover other bytes")
    if rule.own is not None:
        raise table.problem("own", "what is before the hash does not hold it", "leave own out")
