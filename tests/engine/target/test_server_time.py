"""What SQL Server makes of a time: the tables of its documentation, and nothing is rounded twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.target.server_time import ROUNDED, as_datetime, as_datetime2, as_smalldatetime

DATETIME = {
    "1998-01-01T23:59:59.999": "1998-01-02T00:00:00",
    "1998-01-01T23:59:59.995": "1998-01-01T23:59:59.997",
    "1998-01-01T23:59:59.996": "1998-01-01T23:59:59.997",
    "1998-01-01T23:59:59.997": "1998-01-01T23:59:59.997",
    "1998-01-01T23:59:59.998": "1998-01-01T23:59:59.997",
    "1998-01-01T23:59:59.992": "1998-01-01T23:59:59.993",
    "1998-01-01T23:59:59.993": "1998-01-01T23:59:59.993",
    "1998-01-01T23:59:59.994": "1998-01-01T23:59:59.993",
    "1998-01-01T23:59:59.990": "1998-01-01T23:59:59.990",
    "1998-01-01T23:59:59.991": "1998-01-01T23:59:59.990",
    "2024-05-06T07:08:09.123456": "2024-05-06T07:08:09.123",
}
SMALLDATETIME = {
    "1955-12-13T12:43:10": "1955-12-13T12:43:00",
    "2000-05-08T12:35:29.998": "2000-05-08T12:35:00",
    "2000-05-08T12:35:29.999": "2000-05-08T12:36:00",
    "2000-05-08T12:35:30": "2000-05-08T12:36:00",
    "2000-12-31T23:59:59": "2001-01-01T00:00:00",
}


@pytest.mark.parametrize(("given_time", "stored"), DATETIME.items())
def test_datetime_counts_in_three_hundredths(given_time: str, stored: str) -> None:
    assert as_datetime(datetime.fromisoformat(given_time)) == datetime.fromisoformat(stored)


@pytest.mark.parametrize(("given_time", "stored"), SMALLDATETIME.items())
def test_smalldatetime_keeps_the_nearest_minute(given_time: str, stored: str) -> None:
    assert as_smalldatetime(datetime.fromisoformat(given_time)) == datetime.fromisoformat(stored)


@pytest.mark.parametrize(
    ("digits", "stored"),
    {
        0: "2024-05-06T07:08:10",
        1: "2024-05-06T07:08:09.6",
        3: "2024-05-06T07:08:09.556",
        7: "2024-05-06T07:08:09.5555",
    }.items(),
)
def test_datetime2_rounds_to_its_digits(digits: int, stored: str) -> None:
    assert as_datetime2(datetime.fromisoformat("2024-05-06T07:08:09.5555"), digits) == datetime.fromisoformat(stored)


_MOMENTS = st.datetimes(datetime.fromisoformat("1753-01-01"), datetime.fromisoformat("9999-12-30"))


@given(_MOMENTS, st.sampled_from(sorted(ROUNDED)))
def test_what_was_stored_once_is_stored_again_as_it_is(moment: datetime, kind: str) -> None:
    stored = ROUNDED[kind](moment)
    assert ROUNDED[kind](stored) == stored


@given(_MOMENTS)
def test_nothing_moves_further_than_half_a_step(moment: datetime) -> None:
    assert abs(as_datetime(moment) - moment) <= timedelta(microseconds=2_001)  # 1/600 s, and a third of a millisecond
    assert abs(as_smalldatetime(moment) - moment) <= timedelta(seconds=30, microseconds=2_001)


@given(st.integers(0, 2_999))
def test_every_millisecond_of_the_server_is_one_of_the_three(tenth: int) -> None:
    stored = as_datetime(datetime.fromisoformat("2024-05-06T07:08:09") + timedelta(microseconds=tenth * 333))
    assert stored.microsecond % 10_000 in {0, 3_000, 7_000}


def test_rounding_off_the_calendar_says_so() -> None:
    with pytest.raises(OverflowError):
        as_datetime(datetime.fromisoformat("9999-12-31T23:59:59.999999"))
