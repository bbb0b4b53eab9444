"""The expression language is closed: what is written in a profile is a field, a literal or one of eight functions."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import model
from engine.profiles import expressions
from engine.profiles.expressions import ExpressionError, parse


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "null": None,
        "0": 0,
        "-1": -1,
        "'FileImport'": "FileImport",
        "patient.family_name": "Ødegård",
        "default(series.name, 'Default Series')": "Default Series",
        "default(patient.family_name, 'x')": "Ødegård",
        "default(default(series.name, null), 7)": 7,
        "key(image)": "key of image",
        "code('sex', patient.sex)": "sex: female",
    }.items(),
)
def test_expressions_evaluate(text: str, value: object) -> None:
    names = {"patient.family_name": "Ødegård", "series.name": None, "patient.sex": "female"}
    functions = {"key": lambda entity: f"key of {entity}", "code": lambda name, word: f"{name}: {word}"}
    assert parse(text).evaluate(names, functions) == value


def test_an_expression_says_which_names_and_functions_it_needs() -> None:
    expression = parse("default(code('sex', patient.sex), series.name)")
    assert expression.names == {"patient.sex", "series.name"}
    assert expression.functions == {"default", "code"}


@pytest.mark.attack
@pytest.mark.parametrize(
    "text",
    [
        "",
        "patient",
        "patient.ssn",
        "patient.family_name.upper",
        "person.family_name",
        "__import__('os').system('id')",
        "().__class__.__bases__",
        "patient.__class__",
        "open('x')",
        "eval('1')",
        "lambda: 1",
        "[x for x in patient]",
        "1 + 1",
        "'a' * 1000000",
        "f'{patient.key}'",
        "True",
        "None",
        "1.5",
        "b'x'",
        "1 if 2 else 3",
        "patient.sex == 'f'",
        "(1, 2)",
        "key('patient')",
        "key(device)",
        "key(patient, study)",
        "key()",
        "key(entity=patient)",
        "key(*patient)",
        "code(patient.sex, 'sex')",
        "code('colour', patient.sex)",
        "integrity(1)",
        "default(patient.key)",
        "(x := 1)",
        "a" * 100_000,
        "(" * 1_000 + "1" + ")" * 1_000,
        "patient.key; 1",
        "import os",
        "\0",
    ],
)
def test_everything_else_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.attack
@given(st.text(max_size=40))
def test_any_text_is_an_expression_of_the_language_or_refused(text: str) -> None:
    try:
        expression = parse(text)
    except ExpressionError:
        return
    assert expression.functions <= expressions.FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("text", "suggestion"),
    {
        "patient.famly_name": "family_name",
        "pateint.family_name": "patient",
        "defalt(series.name, 1)": "default",
    }.items(),
)
def test_a_misspelling_gets_the_nearest_name(text: str, suggestion: str) -> None:
    with pytest.raises(ExpressionError, match=rf"did you mean {suggestion}\?"):
        parse(text)


@pytest.mark.parametrize("entity", ["patient", "study", "series", "image", "device"])
def test_the_language_knows_every_field_of_the_model_and_no_other(entity: str) -> None:
    fields = {field.name for field in dataclasses.fields(getattr(model, entity.capitalize()))}
    assert set(expressions.ENTITY_NAMES[entity]) == fields
