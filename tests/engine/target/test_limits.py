"""What a target column can hold: nothing is cut or rounded without being said."""

from __future__ import annotations

import codecs
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.profiles.limits import PRECISIONS, SPANS, TEXT_ENCODINGS, TextLimit, TimeLimit
from engine.profiles.load import load_target
from engine.reconcile import normal
from engine.target.limits import _codec, fitted, noted
from engine.target.notice import Notice
from engine.target.server_time import ROUNDED
from protocol.vocabulary import FindingCode

PROFILE = load_target("dexis10")


def _fitted(column: str, value: object, origin: str = "x") -> tuple[object, list[FindingCode]]:
    notices: list[Notice] = []
    kept = fitted(PROFILE, column, origin, value, noted(notices, None, column))
    return kept, [notice.code for notice in notices]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


CASES: list[tuple[str, object, object, list[FindingCode]]] = [
    ("PersonName.FamilyName", "x" * 64, "x" * 64, []),
    ("PersonName.FamilyName", "x" * 65, "x" * 65, [FindingCode.TEXT_TOO_LONG]),
    ("PersonName.FamilyName", "🦷" * 32, "🦷" * 32, []),
    ("PersonName.FamilyName", "🦷" * 33, "🦷" * 33, [FindingCode.TEXT_TOO_LONG]),
    ("PersonName.FamilyName", "a\0b", "a\0b", [FindingCode.TEXT_NOT_REPRESENTABLE]),
    ("PersonName.FamilyName", "\ud800", "\ud800", [FindingCode.TEXT_NOT_REPRESENTABLE]),
    ("PersonName.FamilyName", None, None, []),
    ("Patient.ExternalID", "€" * 16, "€" * 16, []),
    ("Patient.ExternalID", "ł", "ł", [FindingCode.TEXT_NOT_REPRESENTABLE]),
    ("Image.UID", "1.2.é", "1.2.é", [FindingCode.TEXT_NOT_REPRESENTABLE]),
    ("Visual.Teeth", "t" * 9999, "t" * 9999, []),
    ("Image.AcquiredDate", _at("2019-03-04T10:30:01"), _at("2019-03-04T10:30:01"), []),
    (
        "Image.AcquiredDate",
        _at("2019-03-04T10:30:01.999999"),
        _at("2019-03-04T10:30:01"),
        [FindingCode.DATE_PRECISION_LOST],
    ),
    ("Image.AcquiredDate", _at("1753-01-01T00:00:00"), _at("1753-01-01T00:00:00"), []),
    ("Image.AcquiredDate", _at("1752-12-31T23:59:59"), _at("1752-12-31T23:59:59"), [FindingCode.DATE_OUT_OF_RANGE]),
    ("Patient.DateOfBirth", date(1971, 5, 1), date(1971, 5, 1), []),
    ("Patient.DateOfBirth", date(1752, 5, 1), date(1752, 5, 1), [FindingCode.DATE_OUT_OF_RANGE]),
    ("Patient.DateOfBirth", _at("1971-05-01T00:00:00"), date(1971, 5, 1), []),
    ("Patient.DateOfBirth", _at("1971-05-01T10:00:00"), date(1971, 5, 1), [FindingCode.DATE_PRECISION_LOST]),
]


@pytest.mark.parametrize(("column", "value", "kept", "codes"), CASES)
def test_a_column_keeps_a_value_or_says_what_it_cannot_keep(
    column: str, value: object, kept: object, codes: list[FindingCode]
) -> None:
    assert _fitted(column, value) == (kept, codes)


def test_a_chart_number_that_is_too_long_has_a_code_of_its_own() -> None:
    chart = "patient.chart_number"
    assert _fitted("Patient.ExternalID", "0" * 17, chart)[1] == [FindingCode.CHART_TOO_LONG]
    assert _fitted("Patient.ExternalID", "0" * 16, chart)[1] == []


def test_the_same_trouble_of_one_image_is_noted_once() -> None:
    notices: list[Notice] = []
    for _ in range(2):
        fitted(PROFILE, "Image.UID", "image.uid", "é", noted(notices, "7", "Image.UID"))
    assert len(notices) == 1


def _in_column(limit: TextLimit | TimeLimit, value: object) -> tuple[object, list[FindingCode]]:
    """The value as a column of a profile of our own keeps it."""
    kind = "text" if isinstance(limit, TextLimit) else "time"
    profile = replace(PROFILE, **{kind: {"T.C": limit}})  # type: ignore[arg-type]
    notices: list[Notice] = []
    return fitted(profile, "T.C", "x", value, noted(notices, None, "T.C")), [notice.code for notice in notices]


LONG, ODD = [FindingCode.TEXT_TOO_LONG], [FindingCode.TEXT_NOT_REPRESENTABLE]
TEXTS: list[tuple[TextLimit, str, object, list[FindingCode]]] = [
    (TextLimit(4, "unicode"), "🦷🦷", "🦷🦷", []),
    (TextLimit(3, "unicode"), "🦷🦷", "🦷🦷", LONG),
    (TextLimit(2, "unicode", "characters"), "🦷🦷", "🦷🦷", []),
    (TextLimit(1, "unicode", "characters"), "🦷🦷", "🦷🦷", LONG),
    (TextLimit(8, "utf-8"), "🦷🦷", "🦷🦷", []),
    (TextLimit(7, "utf-8"), "🦷🦷", "🦷🦷", LONG),
    (TextLimit(4, "cp932"), "王歯", "王歯", []),
    (TextLimit(3, "cp932"), "王歯", "王歯", LONG),
    (TextLimit(2, "cp932", "characters"), "王歯", "王歯", []),
    (TextLimit(9, "cp932"), "ø", "ø", ODD),
    (TextLimit(9, "cp1251"), "Иванова", "Иванова", []),
    (TextLimit(9, "cp1251"), "Ødegård", "Ødegård", ODD),
    (TextLimit(9, "cp1250"), "Łódź", "Łódź", []),
    (TextLimit(9, "latin-1"), "Łódź", "Łódź", ODD),
    (TextLimit(9, "cp850"), "Ødegård", "Ødegård", []),
    (TextLimit(9, "cp437"), "Ødegård", "Ødegård", ODD),
    (TextLimit(9, "latin-9"), "€", "€", []),
    (TextLimit(9, "latin-2"), "Łódź", "Łódź", []),
    (TextLimit(3, "ascii", trailing_spaces="lost"), "abc   ", "abc", []),
    (TextLimit(3, "ascii"), "abc   ", "abc   ", LONG),
    (TextLimit(3, "ascii", trailing_spaces="lost"), "  a ", "  a", []),
    (TextLimit(3, "ascii", empty="null"), "", None, []),
    (TextLimit(3, "ascii", trailing_spaces="lost", empty="null"), "    ", None, []),
    (TextLimit(3, "ascii"), "", "", []),
]


@pytest.mark.parametrize(("limit", "text", "kept", "codes"), TEXTS)
def test_a_text_is_counted_and_kept_as_its_column_does(
    limit: TextLimit, text: str, kept: object, codes: list[FindingCode]
) -> None:
    assert _in_column(limit, text) == (kept, codes)


@pytest.mark.parametrize("encoding", TEXT_ENCODINGS)
def test_every_encoding_of_the_list_is_one(encoding: str) -> None:
    assert codecs.lookup(_codec(encoding))
    assert _in_column(TextLimit(9, encoding), "abc 123") == ("abc 123", [])


@given(st.text(max_size=12), st.sampled_from(TEXT_ENCODINGS))
def test_no_letter_ever_becomes_another_one(text: str, encoding: str) -> None:
    kept, codes = _in_column(TextLimit(1_000, encoding), text)
    assert kept == text
    stored = text.encode(_codec(encoding), "replace").decode(_codec(encoding), "replace")
    assert codes == ([] if stored == text and "\0" not in text else ODD)


LOST = [FindingCode.DATE_PRECISION_LOST]
TIMES = [
    ("minute", "2024-05-06T07:08:59", "2024-05-06T07:08:00", LOST),
    ("minute", "2024-05-06T07:08:00", "2024-05-06T07:08:00", []),
    ("decisecond", "2024-05-06T07:08:09.190000", "2024-05-06T07:08:09.100000", LOST),
    ("centisecond", "2024-05-06T07:08:09.190000", "2024-05-06T07:08:09.190000", []),
    ("datetime", "2024-05-06T07:08:09.995000", "2024-05-06T07:08:09.997000", LOST),
    ("datetime", "2024-05-06T07:08:09.997000", "2024-05-06T07:08:09.997000", []),
    ("smalldatetime", "2024-05-06T07:08:30", "2024-05-06T07:09:00", LOST),
    ("smalldatetime", "2024-05-06T07:08:00", "2024-05-06T07:08:00", []),
]


@pytest.mark.parametrize(("precision", "moment", "kept", "codes"), TIMES)
def test_a_time_is_cut_or_rounded_as_its_column_does_and_says_so_only_if_something_is_lost(
    precision: str, moment: str, kept: str, codes: list[FindingCode]
) -> None:
    limit = TimeLimit(precision, date(1900, 1, 1), date(2079, 6, 6))
    assert _in_column(limit, _at(moment)) == (_at(kept), codes)


def test_a_time_that_rounds_off_the_calendar_is_out_of_range() -> None:
    limit = TimeLimit("datetime", date(1753, 1, 1), date(9999, 12, 31))
    last = _at("9999-12-31T23:59:59.999000")
    assert _in_column(limit, last) == (last, [FindingCode.DATE_OUT_OF_RANGE])


@given(st.datetimes(_at("1753-01-01"), _at("9998-12-31")), st.sampled_from(PRECISIONS))
def test_the_reconciler_expects_exactly_what_is_written(moment: datetime, precision: str) -> None:
    """Two rules for one thing, each written by itself."""
    kept, _ = _in_column(TimeLimit(precision, date(1, 1, 1), date(9999, 12, 31)), moment)
    assert isinstance(kept, date)
    assert normal.kept(moment, precision) == kept.isoformat()


@pytest.mark.parametrize("precision", ["datetime", "smalldatetime"])
def test_both_round_every_millisecond_of_a_minute_alike(precision: str) -> None:
    for millisecond in (*range(1_100), *range(29_900, 30_100), *range(59_900, 60_000)):
        moment = _at("2024-05-06T07:08:00") + timedelta(milliseconds=millisecond)
        kept, _ = _in_column(TimeLimit(precision, date(1900, 1, 1), date(2079, 6, 6)), moment)
        assert isinstance(kept, date)
        assert normal.kept(moment, precision) == kept.isoformat()


def test_a_type_that_rounds_has_a_span_of_days() -> None:
    assert SPANS.keys() == ROUNDED.keys()
