"""What a target column can hold: nothing is cut or rounded without being said."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from engine.profiles.load import load_target
from engine.target.limits import fitted, noted
from engine.target.notice import Notice
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
