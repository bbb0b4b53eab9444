# ruff: noqa: DTZ001 - the record holds the practice's local times, without a zone
"""Database values become values of the record, or say that they cannot."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.source import values
from engine.source.values import Unreadable
from protocol.vocabulary import FindingCode


@pytest.mark.parametrize(
    ("stored", "moment"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("2024-05-06", datetime(2024, 5, 6)),
        ("2024-05-06 07:08", datetime(2024, 5, 6, 7, 8)),
        ("2024-05-06T07:08:09", datetime(2024, 5, 6, 7, 8, 9)),
        ("2024-05-06 07:08:09.5", datetime(2024, 5, 6, 7, 8, 9, 500_000)),
        ("2024-02-29 23:59:59.999999", datetime(2024, 2, 29, 23, 59, 59, 999_999)),
        (date(2024, 5, 6), datetime(2024, 5, 6)),
        (datetime(2024, 5, 6, 7), datetime(2024, 5, 6, 7)),
    ],
)
def test_moments_are_read_exactly(stored: Any, moment: datetime | None) -> None:
    assert values.optional_moment({"at": stored}, "at") == moment


@pytest.mark.parametrize(
    "stored",
    [
        "2024-13-01",
        "2023-02-29 00:00:00",
        "06.05.2024",
        "2024-05-06 07:08:09.1234567",
        "2024-05-06 07:08:09+02:00",
        "2024-05-06 07:08:09Z",
        "infinity",
        20240506,
        0.5,
        datetime(2024, 5, 6, tzinfo=UTC),
    ],
)
def test_what_is_no_local_moment_is_never_bent_into_one(stored: Any) -> None:
    with pytest.raises(Unreadable) as problem:
        values.optional_moment({"at": stored}, "at")
    assert problem.value.code is FindingCode.DATE_OUT_OF_RANGE


@pytest.mark.parametrize(("stored", "text"), [("007", "007"), (7, "7"), (None, None), ("", ""), (" 7 ", " 7 ")])
def test_texts_stay_letter_for_letter(stored: Any, text: str | None) -> None:
    assert values.optional_text({"text": stored}, "text") == text


@pytest.mark.parametrize("stored", [b"bytes", 1.5, True, ["list"]])
def test_what_is_no_text_is_not_made_one(stored: Any) -> None:
    with pytest.raises(Unreadable):
        values.optional_text({"text": stored}, "text")


@pytest.mark.parametrize(("stored", "flag"), [(0, False), (1, True), (True, True), (False, False), ("1", True)])
def test_flags(stored: Any, flag: bool) -> None:
    assert values.flag({"mirrored": stored}, "mirrored") is flag


@pytest.mark.parametrize("stored", [2, -1, "yes", None, 0.5])
def test_what_is_no_flag(stored: Any) -> None:
    with pytest.raises(Unreadable):
        values.flag({"mirrored": stored}, "mirrored")


@pytest.mark.parametrize(("stored", "number"), [(90, 90), ("-90", -90), (90.0, 90)])
def test_integers(stored: Any, number: int) -> None:
    assert values.integer({"rotation": stored}, "rotation") == number


@pytest.mark.parametrize("stored", [None, True, 90.5, "90 degrees", "9" * 30])
def test_what_is_no_integer(stored: Any) -> None:
    with pytest.raises(Unreadable):
        values.integer({"rotation": stored}, "rotation")


@pytest.mark.parametrize("stored", [None, "", "intraoral", "INTRAORAL ", 1])
def test_a_code_that_is_not_mapped_is_never_defaulted(stored: Any) -> None:
    with pytest.raises(Unreadable) as problem:
        values.code({"category": stored}, "category", {"INTRAORAL": "intraoral-xray"})
    assert problem.value.code is FindingCode.UNKNOWN_CODE


def test_a_code_may_be_a_number_in_the_database() -> None:
    assert values.code({"category": 3}, "category", {"3": "panoramic"}) == "panoramic"
