# ruff: noqa: DTZ001 - the record holds the practice's local times, without a zone
"""Days and times in the forms a profile states: read exactly, by the converter and by the reconciler alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.profiles.values import DATE_FORMS, ValueRules
from engine.reconcile.source_clock import SourceClock
from engine.source.dates import Dates, NotADate

ZONE = "Europe/Oslo"
READ: list[tuple[str, Any, datetime | None]] = [
    ("iso", None, None),
    ("iso", "   ", None),
    ("iso", "2024-05-06", datetime(2024, 5, 6)),
    ("iso", "2024-05-06 07:08:09.123456", datetime(2024, 5, 6, 7, 8, 9, 123_456)),
    ("iso", "2024-05-06T07:08Z", datetime(2024, 5, 6, 9, 8)),
    ("iso", "2024-01-06 07:08:09 -05:00", datetime(2024, 1, 6, 13, 8, 9)),
    ("iso", datetime(2024, 5, 6, 7, 8, tzinfo=UTC), datetime(2024, 5, 6, 9, 8)),
    ("iso", datetime(2024, 1, 6, 7, 8, tzinfo=timezone(timedelta(hours=-5))), datetime(2024, 1, 6, 13, 8)),
    ("iso", date(2024, 5, 6), datetime(2024, 5, 6)),
    ("dicom", "20240506", datetime(2024, 5, 6)),
    ("dicom", 20240506, datetime(2024, 5, 6)),
    ("dicom", "20240506 070809.123456", datetime(2024, 5, 6, 7, 8, 9, 123_456)),
    ("dicom", "20240506070809.12 ", datetime(2024, 5, 6, 7, 8, 9, 120_000)),
    ("dicom", "20240506 07", datetime(2024, 5, 6, 7)),
    ("dicom", "20240506T0708", datetime(2024, 5, 6, 7, 8)),
    ("dicom", "20240506070809+0000", datetime(2024, 5, 6, 9, 8, 9)),
    ("day-month-year", "6.5.2024", datetime(2024, 5, 6)),
    ("day-month-year", "06/05/2024 07:08", datetime(2024, 5, 6, 7, 8)),
    ("day-month-year", "31-12-2024 23:59:59.5", datetime(2024, 12, 31, 23, 59, 59, 500_000)),
    ("month-day-year", "5/6/2024", datetime(2024, 5, 6)),
    ("month-day-year", "05/06/2024 12:08:09 AM", datetime(2024, 5, 6, 0, 8, 9)),
    ("month-day-year", "12/31/2024 7:08 PM", datetime(2024, 12, 31, 19, 8)),
    ("epoch-seconds", 0, datetime(1970, 1, 1, 1)),
    ("epoch-seconds", "1714979289", datetime(2024, 5, 6, 9, 8, 9)),
    ("epoch-seconds", 1714979289.5, datetime(2024, 5, 6, 9, 8, 9, 500_000)),
    ("epoch-milliseconds", 1714979289123, datetime(2024, 5, 6, 9, 8, 9, 123_000)),
    ("epoch-milliseconds", "-1", datetime(1970, 1, 1, 0, 59, 59, 999_000)),
    ("epoch-milliseconds", Decimal("1714979289123"), datetime(2024, 5, 6, 9, 8, 9, 123_000)),
    ("filetime", 133594528891230000, datetime(2024, 5, 6, 9, 8, 9, 123_000)),
]
REFUSED: list[tuple[str, Any]] = [
    ("iso", "20240506"),
    ("iso", 20240506),
    ("iso", "2024-05-06 24:00"),
    ("iso", "2024-5-6"),
    ("iso", "2024-05-06 07:08:09 Oslo"),
    ("dicom", "2024-05-06"),
    ("dicom", "2024"),
    ("dicom", "20241301"),
    ("dicom", "20240506 070860"),
    ("dicom", "20240506 0708.5"),
    ("dicom", "20240506 7"),
    ("day-month-year", "5/13/2024"),
    ("day-month-year", "6/5-2024"),
    ("day-month-year", "6.5.24"),
    ("month-day-year", "13/5/2024"),
    ("month-day-year", "5/6/2024 13:08 PM"),
    ("epoch-seconds", "1714979289s"),
    ("epoch-seconds", 99999999999999),
    ("epoch-milliseconds", "2024-05-06"),
    ("filetime", 0.1 + 1e300),
    ("iso", b"2024-05-06"),
    ("iso", True),
]


def _rules(*forms: str, zone: str | None = ZONE) -> ValueRules:
    return ValueRules({"at": forms}, zone)


@pytest.mark.parametrize(("form", "stored", "moment"), READ)
def test_a_stated_form_is_read_exactly_and_twice_alike(form: str, stored: Any, moment: datetime | None) -> None:
    assert Dates(_rules(form)).moment("at", stored) == moment
    assert SourceClock(_rules(form)).moment("at", stored) == moment


@pytest.mark.parametrize(("form", "stored"), REFUSED)
def test_what_is_not_in_the_stated_form_is_never_bent_into_it(form: str, stored: Any) -> None:
    with pytest.raises(NotADate):
        Dates(_rules(form)).moment("at", stored)


def test_forms_are_tried_in_their_order() -> None:
    dates = Dates(_rules("dicom", "iso"))
    assert dates.moment("at", "20240506") == dates.moment("at", "2024-05-06") == datetime(2024, 5, 6)


def test_an_instant_needs_a_stated_time_zone() -> None:
    for stored in ("2024-05-06T07:08Z", datetime(2024, 5, 6, tzinfo=UTC)):
        with pytest.raises(NotADate, match=r"values\.time_zone"):
            Dates(_rules("iso", zone=None)).moment("at", stored)


@given(st.sampled_from(DATE_FORMS), st.text(st.sampled_from("0123456789-/.: TZ+APM"), max_size=26))
def test_two_readings_of_one_text_never_say_different_things(form: str, text: str) -> None:
    """Where the converter reads a time, the reconciler reads the same one."""
    try:
        moment = Dates(_rules(form)).moment("at", text)
    except NotADate:
        return
    assert SourceClock(_rules(form)).moment("at", text) == moment


@given(st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1)))
def test_every_time_survives_each_form_that_can_hold_it(moment: datetime) -> None:
    for form, text in {
        "iso": moment.isoformat(" "),
        "dicom": moment.strftime("%Y%m%d %H%M%S.%f"),
        "day-month-year": moment.strftime("%d.%m.%Y %H:%M:%S.%f"),
        "month-day-year": moment.strftime("%m/%d/%Y %I:%M:%S.%f %p"),
    }.items():
        assert Dates(_rules(form)).moment("at", text) == moment
        assert SourceClock(_rules(form)).moment("at", text) == moment
