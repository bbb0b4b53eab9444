"""The expression language is closed: a field, a literal, a function of the list or one of a few operators."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import model
from engine.profiles import expressions
from engine.profiles.expressions import ExpressionError, parse
from engine.profiles.functions import Unfit
from engine.reconcile.formula import Formula


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


@pytest.mark.filterwarnings("error")
def test_nobody_hears_what_python_thinks_of_an_expression() -> None:
    assert parse(r"'X:\data'").text and Formula(r"'X:\data'").names == set()


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
        "1 + 'a'",
        "1 / 2",
        "2 ** 9999",
        "1 // 0",
        "1 % image.number",
        "image.number + series.name",
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


NAMES = {
    "patient.family_name": "Ødegård",
    "patient.given_name": "Ana",
    "patient.middle_name": None,
    "patient.chart_number": "00042",
    "patient.sex": model.Sex.FEMALE,
    "patient.birth_date": date(1971, 5, 1),
    "series.name": None,
    "study.started_at": datetime.fromisoformat("0987-03-04T05:06:07.000089"),
    "image.acquired_at": None,
    "image.number": 7,
}
VALUES = {
    "concat(patient.family_name, ', ', patient.given_name)": "Ødegård, Ana",
    "concat(patient.middle_name, '.', image.number)": ".7",
    "concat(series.name)": "",
    "join('^', patient.family_name, patient.middle_name, patient.given_name)": "Ødegård^Ana",
    "join(' ', patient.middle_name)": "",
    "upper(patient.family_name)": "ØDEGÅRD",
    "lower(patient.family_name)": "ødegård",
    "upper(series.name)": None,
    "trim('  a b ')": "a b",
    "left(patient.chart_number, 2)": "00",
    "right(patient.chart_number, 2)": "42",
    "right('a', 9)": "a",
    "substring(patient.chart_number, 4, 9)": "42",
    "substring('abc', 9, 1)": "",
    "replace(patient.chart_number, '0', '')": "42",
    "replace('abc', '', 'x')": "abc",
    "length(patient.chart_number)": 5,
    "pad(image.number, 4)": "0007",
    "pad('123456', 4)": "123456",
    "text(image.number)": "7",
    "integer(patient.chart_number)": 42,
    "integer(series.name)": None,
    "format(patient.birth_date, '%d.%m.%Y')": "01.05.1971",
    "format(study.started_at, '%Y%m%d%H%M%S.%f')": "09870304050607.000089",
    "format(study.started_at, '100%% %y')": "100% 87",
    "format(image.acquired_at, '%Y')": None,
    "year(patient.birth_date)": 1971,
    "month(study.started_at)": 3,
    "day(study.started_at)": 4,
    "date(study.started_at)": date(987, 3, 4),
    "image.number * 10 + 1": 71,
    "image.number - 10": -3,
    "image.number // 2": 3,
    "-7 // 2": -4,
    "image.number % 4": 3,
    "image.number + null": None,
    "when(patient.sex == 'female', 'F', 'M')": "F",
    "when(patient.sex != 'female', 'F', 'M')": "M",
    "when(is_null(image.acquired_at), 'undated', format(image.acquired_at, '%Y'))": "undated",
    "when(series.name == null, 1, 0)": 1,
    "when(image.number > 6 and image.number <= 7, 1, 0)": 1,
    "when(image.number < 7 or not image.number >= 7, 1, 0)": 0,
    "when(series.name < 'a', 1, 0)": 0,
    "when(length(patient.chart_number) > 4, right(patient.chart_number, 4), patient.chart_number)": "0042",
    "when(1 == 1, 1, integer('x'))": 1,
    "code('sex', patient.sex)": "code of female",
    "concat('P', key(patient))": "P17",
    "upper_hex(integrity())": "00FF",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_every_function_and_operator_does_what_its_line_in_the_documents_says(text: str, value: object) -> None:
    functions = {"code": lambda _, word: f"code of {word}", "key": lambda _: 17, "integrity": lambda: b"\x00\xff"}
    result = parse(text).evaluate(NAMES, functions)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    {
        "upper(image.number)": "upper: argument 1 is integer; allowed: code, text",
        "left(patient.family_name, 0)": "argument 2 must be a number written out, 1 to 1000",
        "left(patient.family_name, image.number)": "argument 2 must be a number written out",
        "pad(image.number, 1000000)": "1 to 1000",
        "1 // 0": "must be a number written out, above 0",
        "format(patient.birth_date, '%H')": "holds '%H'; allowed of a day",
        "format(study.started_at, '%c')": "holds '%c'; allowed of a moment",
        "format(study.started_at, '%')": "holds '%'",
        "format(study.started_at, series.name)": "must be a format written out",
        "format(series.name, '%Y')": "argument 1 is text; allowed: day, moment",
        "image.number == 'a'": "== cannot compare integer with text",
        "patient.birth_date < study.started_at": "< cannot compare day with moment",
        "image.number == 7": "true or false, which no column holds; write when",
        "when(image.number, 1, 0)": "when.. takes a condition first",
        "when(is_null(series.name), 'a', patient.birth_date)": "would be day or text",
        "1 < image.number < 9": "is not allowed",
        "concat()": "concat takes at least 1 argument",
        "concat(image.teeth)": "is teeth",
        "teeth(1, 2)": "teeth takes 1",
        "hex(path())": "hex is of a hash",
    }.items(),
)
def test_a_value_of_the_wrong_kind_is_refused_when_the_profile_is_loaded(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse(text)


@pytest.mark.parametrize("text", ["integer('x')", "integer('1.0')", "integer('')", "integer('٤')"])
def test_a_text_that_is_no_number_is_said_and_never_made_one(text: str) -> None:
    with pytest.raises(Unfit):
        parse(text).evaluate({}, {})


_TEXTS = st.one_of(st.none(), st.text(max_size=9))


@given(_TEXTS, _TEXTS, st.integers(1, 12), st.integers(1, 12))
def test_the_pieces_of_a_text_are_the_text(first: str | None, second: str | None, start: int, count: int) -> None:
    """left + the rest is the whole, padding never shortens, and joining nothing adds nothing."""
    names = {"patient.family_name": first, "patient.given_name": second}
    left = parse(f"left(patient.family_name, {count})").evaluate(names, {})
    rest = parse(f"substring(patient.family_name, {count + 1}, 1000)").evaluate(names, {})
    assert first is None or f"{left}{rest}" == first
    padded = parse(f"pad(patient.family_name, {count})").evaluate(names, {})
    assert first is None or (str(padded).endswith(first) and len(str(padded)) >= count)
    joined = parse("join('/', patient.family_name, patient.given_name)").evaluate(names, {})
    assert joined == "/".join(filter(None, (first, second)))
    cut = parse(f"substring(patient.family_name, {start}, {count})").evaluate(names, {})
    assert first is None or cut == first[start - 1 :][:count]


@given(st.integers(-(10**9), 10**9), st.integers(1, 1000))
def test_division_and_remainder_belong_together(number: int, divisor: int) -> None:
    names = {"image.number": number}
    whole = parse(f"image.number // {divisor} * {divisor} + image.number % {divisor}").evaluate(names, {})
    assert whole == number


@given(st.datetimes())
def test_a_formatted_time_says_the_whole_time_whatever_the_year(moment: datetime) -> None:
    form = "%Y-%m-%dT%H:%M:%S.%f"
    text = parse(f"format(study.started_at, '{form}')").evaluate({"study.started_at": moment}, {})
    assert text == moment.isoformat(timespec="microseconds")


@pytest.mark.attack
@given(
    st.lists(
        st.sampled_from([*sorted(expressions.FUNCTIONS), "(", ")", ",", "'a'", "1", "null", "patient.sex", " "]),
        max_size=14,
    )
)
def test_shuffled_words_of_the_language_never_fail_but_as_an_error_of_the_profile(words: list[str]) -> None:
    """What is accepted can be evaluated: kinds that fit when a profile is loaded fit when it is used."""
    try:
        expression = parse("".join(words))
    except ExpressionError:
        return
    supplied = dict.fromkeys(("code", "teeth", "orientation", "path", "person"), lambda *_: "x")
    with contextlib.suppress(Unfit):
        expression.evaluate({"patient.sex": "female"}, {**supplied, "key": lambda _: 1, "integrity": lambda: b"x"})
