"""Expressions worked out twice: whatever the converter writes, the reconciler expects, by code of its own."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.profiles.expressions import parse
from engine.profiles.functions import PURE
from engine.reconcile.formula import CannotTell, Formula
from tests.engine.profiles.test_expressions import NAMES, VALUES

CODES = {"sex": {"female": "F", "male": "M", "other": "O"}, "category": {}}
_OWN = ("key(", "integrity(")  # the target's own: no fact is made of them
SHARED = [text for text in VALUES if not any(word in text for word in _OWN)]


@pytest.mark.parametrize("text", SHARED)
def test_both_make_the_same_of_every_expression(text: str) -> None:
    functions = {"code": lambda name, word: CODES[name][str(word)]}
    made = parse(text).evaluate(NAMES, functions)
    expected = Formula(text).value(NAMES, CODES)
    assert (made, type(made)) == (expected, type(expected))


def test_every_function_is_known_to_the_reconciler_or_refused_by_it() -> None:
    hashes = {"hex", "upper_hex", "base64", "number", "signed_number"}
    for name in [name for name in PURE if name.isidentifier() and name not in {"and", "or", "not"}]:
        if name in hashes:
            with pytest.raises(CannotTell):
                Formula(f"{name}(integrity())")
        else:
            assert Formula(f"{name}(null, null, null)")


@pytest.mark.parametrize("text", ["teeth(image.teeth)", "path()", "concat('a', person())", "key(patient)"])
def test_what_the_reconciler_cannot_know_it_says(text: str) -> None:
    with pytest.raises(CannotTell):
        Formula(text)


_TEXTS = st.one_of(st.none(), st.text(max_size=12))
_TEMPLATES = st.sampled_from(
    [
        "concat({a}, '-', {b})",
        "join({b}, {a}, 'x', {a})",
        "upper({a})",
        "lower(trim({a}))",
        "left({a}, {n})",
        "right({a}, {n})",
        "substring({a}, {n}, {m})",
        "replace({a}, {b}, 'z')",
        "pad({a}, {n})",
        "default({a}, {b})",
        "when({a} == {b}, 'same', default({a}, ''))",
        "when({a} < {b} or is_null({a}), {b}, {a})",
        "when(length({a}) >= {n} and not is_null({b}), left({a}, {n}), 'short')",
        "text(length({a}) * {n} - {m} % {n})",
    ]
)


@given(_TEMPLATES, _TEXTS, _TEXTS, st.integers(1, 12), st.integers(1, 12))
def test_both_make_the_same_of_any_values(template: str, first: str | None, second: str | None, n: int, m: int) -> None:
    text = template.format(a="patient.family_name", b="patient.given_name", n=n, m=m)
    names = {"patient.family_name": first, "patient.given_name": second}
    assert Formula(text).value(names, CODES) == parse(text).evaluate(names, {})


@given(st.one_of(st.datetimes(), st.dates()), st.sampled_from(["%Y", "%d.%m.%y", "%Y%m%d", "%%%Y", "a %m b"]))
def test_both_write_dates_alike(moment: date | datetime, form: str) -> None:
    names = {"study.started_at": moment}
    for text in (f"format(study.started_at, '{form}')", "year(study.started_at) * 100 + month(study.started_at)"):
        assert Formula(text).value(names, CODES) == parse(text).evaluate(names, {})
