"""The practice's hours as pure rules: midnight, both nights on which the clock is set, and clocks that jump."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.running.hours import Deadline, Hours

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Hours(time(19), time(7, 30), BERLIN)
DAY = Hours(time(8), time(17), BERLIN)  # a practice that works at night
NO_BEGIN = Hours(None, time(7, 30), BERLIN)
ANY = Hours(zone=BERLIN)


def at(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def shown(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, BERLIN).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("hours", "now", "opens", "closes"),
    [
        (NIGHT, "2026-05-04T18:59:59", "2026-05-04T19:00+02:00", "2026-05-05T07:30+02:00"),
        (NIGHT, "2026-05-04T19:00", None, "2026-05-05T07:30+02:00"),
        (NIGHT, "2026-05-04T23:59:59", None, "2026-05-05T07:30+02:00"),
        (NIGHT, "2026-05-05T00:00", None, "2026-05-05T07:30+02:00"),
        (NIGHT, "2026-05-05T07:29:59", None, "2026-05-05T07:30+02:00"),
        (NIGHT, "2026-05-05T07:30", "2026-05-05T19:00+02:00", "2026-05-06T07:30+02:00"),
        (NIGHT, "2026-12-31T12:00", "2026-12-31T19:00+01:00", "2027-01-01T07:30+01:00"),
        (DAY, "2026-05-04T07:59", "2026-05-04T08:00+02:00", "2026-05-04T17:00+02:00"),
        (DAY, "2026-05-04T08:00", None, "2026-05-04T17:00+02:00"),
        (DAY, "2026-05-04T17:00", "2026-05-05T08:00+02:00", "2026-05-05T17:00+02:00"),
        (NO_BEGIN, "2026-05-04T12:00", None, "2026-05-05T07:30+02:00"),
        (NO_BEGIN, "2026-05-04T07:30", None, "2026-05-05T07:30+02:00"),
        (ANY, "2026-05-04T12:00", None, None),
    ],
)
def test_conversion_has_its_hours(hours: Hours, now: str, opens: str | None, closes: str | None) -> None:
    assert shown(hours.opening(at(now))) == opens
    assert shown(hours.closing(at(now))) == closes


def test_without_a_deadline_or_a_begin_nothing_ends_or_opens() -> None:
    assert ANY.next_opening(0.0) is None and ANY.night_seconds(0.0) is None
    assert NO_BEGIN.next_opening(0.0) is None


def test_a_night_is_as_long_as_the_clock_makes_it() -> None:
    assert NIGHT.night_seconds(at("2026-05-04T12:00")) == 12.5 * 3600
    assert NIGHT.night_seconds(at("2026-05-05T06:30")) == 3600
    assert NIGHT.night_seconds(at("2026-03-28T12:00")) == 11.5 * 3600  # the clock is put forward
    assert NIGHT.night_seconds(at("2026-10-24T12:00")) == 13.5 * 3600  # and back


@pytest.mark.parametrize(
    ("deadline", "now", "fold", "closes"),
    [
        # 25 October 2026: 02:00 to 03:00 comes twice; the first time counts.
        (time(2, 30), "2026-10-25T01:00", 0, "2026-10-25T02:30+02:00"),
        (time(2, 30), "2026-10-25T02:10", 1, "2026-10-26T02:30+01:00"),
        # 29 March 2026: 02:00 to 03:00 never comes; a deadline in it counts as early as it can.
        (time(2, 30), "2026-03-29T01:00", 0, "2026-03-29T01:30+01:00"),
        (time(7, 30), "2026-03-29T01:00", 0, "2026-03-29T07:30+02:00"),
    ],
)
def test_on_the_nights_on_which_the_clock_is_set_the_earlier_deadline_counts(
    deadline: time, now: str, fold: int, closes: str
) -> None:
    assert shown(Hours(None, deadline, BERLIN).closing(at(now, fold))) == closes


def test_on_the_nights_on_which_the_clock_is_set_the_later_begin_counts() -> None:
    late = Hours(time(2, 30), time(7, 30), BERLIN)
    assert shown(late.opening(at("2026-10-25T02:29", fold=0))) == "2026-10-25T02:30+01:00"
    assert shown(late.opening(at("2026-10-25T02:45", fold=0))) == "2026-10-25T02:30+01:00"
    assert shown(late.opening(at("2026-03-29T01:59"))) == "2026-03-29T03:30+02:00"


def test_the_machines_own_zone_is_meant_where_none_is_given() -> None:
    now = datetime(2026, 5, 4, 12).timestamp()  # noqa: DTZ001 - the machine's own clock is meant
    assert Hours(time(19), time(7)).opening(now) == datetime(2026, 5, 4, 19).timestamp()  # noqa: DTZ001


TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0, tzinfo=None))
MOMENTS = st.integers(1_700_000_000, 1_900_000_000)


@given(TIMES, TIMES, MOMENTS)
def test_it_is_always_either_open_or_about_to_open_and_the_wait_ends_in_an_open_hour(
    begin: time, deadline: time, now: int
) -> None:
    if begin == deadline:
        return
    hours = Hours(begin, deadline, BERLIN)
    opens, closes = hours.opening(now), hours.closing(now)
    assert closes is not None and now < closes <= now + 25 * 3600 + 3600
    if opens is not None:
        assert now < opens < closes
        assert hours.opening(opens) is None or (hours.closing(opens) or 0) - opens <= 3600  # a night the clock cut off


def test_a_deadline_is_not_put_off_by_passing_it() -> None:
    deadline = Deadline.of(NO_BEGIN, at("2026-05-05T06:00")).seen(at("2026-05-05T07:31"))
    assert deadline.leaves(at("2026-05-05T07:31")) == 0.0


def test_a_clock_set_back_brings_the_earlier_deadline_and_never_a_later_one() -> None:
    wrong = Deadline.of(NO_BEGIN, at("2026-05-06T20:00"))
    assert shown(wrong.seen(at("2026-05-04T20:00")).ends) == "2026-05-05T07:30+02:00"
    right = Deadline.of(NO_BEGIN, at("2026-05-05T06:00")).seen(at("2026-05-05T05:00"))
    assert right.leaves(at("2026-05-05T05:00")) == 2.5 * 3600


def test_a_clock_set_forward_over_the_deadline_ends_the_night() -> None:
    deadline = Deadline.of(NIGHT, at("2026-05-04T20:00")).seen(at("2026-05-05T12:00"))
    assert deadline.leaves(at("2026-05-05T12:00")) == 0.0


def test_a_clock_set_to_opening_hours_ends_the_night_wherever_the_deadline_lies() -> None:
    assert Deadline.of(NIGHT, at("2026-05-04T19:30")).leaves(at("2026-05-04T18:30")) == 0.0


def test_without_a_deadline_there_is_no_end() -> None:
    assert Deadline.of(ANY, 0.0).seen(1e9).leaves(2e9) is None
