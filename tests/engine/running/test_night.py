"""Whether the next patient still fits before the practice opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

import pytest

from engine.running.control import Uncontrolled
from engine.running.hours import Hours
from engine.running.night import CAREFUL_RATE, RESERVE_SECONDS, Night, NightClock, require_open, seconds_needed
from protocol.errors import NightOver
from protocol.vocabulary import ExitCode

MIB = 1 << 20
UNTIL_EIGHT = Hours(None, time(8), UTC)
IN_THE_NIGHT = Hours(time(19), time(8), UTC)


@dataclass
class Now:
    """A clock that tests set: both readings go on together unless they are set apart."""

    utc: float
    monotonic: float = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.utc += seconds
        self.monotonic += seconds


def at(text: str) -> Now:
    return Now(datetime.fromisoformat(f"2026-05-05T{text}+00:00").timestamp())


def night(now: Now, hours: Hours = UNTIL_EIGHT, workers: int = 1) -> Night:
    clock = NightClock(lambda: now.utc, lambda: now.monotonic, UTC)
    return Night(hours, clock, workers=workers, done=3, total=9)


def fits(one: Night, size: int) -> bool:
    try:
        one.checkpoint(Uncontrolled(), size)
    except NightOver:
        return False
    return True


def test_what_is_needed_grows_with_what_is_under_way_and_a_patient_is_the_work_of_one_worker() -> None:
    assert seconds_needed(0, 0, 1.0, 4) == RESERVE_SECONDS
    assert seconds_needed(100, 0, 10.0, 4) == RESERVE_SECONDS + 15
    assert seconds_needed(0, 100, 10.0, 4) == RESERVE_SECONDS + 60


def test_before_anything_is_measured_a_careful_rate_is_assumed() -> None:
    size = CAREFUL_RATE * 60  # a minute at that rate, a minute and a half with the margin
    assert fits(night(at("07:57:30")), size)
    assert not fits(night(at("07:57:31")), size)


def test_the_measured_rate_decides() -> None:
    now = at("07:00:00")
    one = night(now)
    assert fits(one, 100 * MIB)
    now.pass_by(100)
    one.finished(100 * MIB)  # one MiB a second
    assert fits(one, 60 * MIB)
    one.finished(60 * MIB)
    now.utc = at("07:58:00").utc
    assert not fits(one, 70 * MIB)
    assert fits(one, 50 * MIB)


def test_what_other_workers_have_in_hand_takes_time_too() -> None:
    now = at("07:57:00")
    one = night(now, workers=4)
    sizes = [CAREFUL_RATE * 10] * 20
    taken = [fits(one, size) for size in sizes]
    assert taken[0] and not taken[-1]


def test_time_spent_paused_does_not_make_the_rate_look_low() -> None:
    now = at("02:00:00")
    one = night(now)

    class Paused(Uncontrolled):
        def checkpoint(self) -> None:
            now.pass_by(5 * 3600)

    one.checkpoint(Uncontrolled(), 100 * MIB)
    now.pass_by(10)
    one.finished(100 * MIB)
    one.checkpoint(Paused(), 0)
    now.utc = at("07:58:40").utc
    assert fits(one, 100 * MIB), "ten MiB a second were measured: fifteen seconds, and the reserve"


def test_nobody_waits_beyond_the_deadline_and_the_sentence_says_how_far_it_came() -> None:
    one = night(at("07:59:30"))
    with pytest.raises(NightOver) as caught:
        one.checkpoint(Uncontrolled(), 0)
    assert "3 of 9" in str(caught.value) and "08:00" in str(caught.value)
    assert (caught.value.resumes_at, caught.value.exit_code) == (None, ExitCode.INTERRUPTED)


def test_with_a_begin_it_goes_on_by_itself_in_the_evening() -> None:
    with pytest.raises(NightOver) as caught:
        night(at("07:59:30"), IN_THE_NIGHT).checkpoint(Uncontrolled(), 0)
    assert caught.value.resumes_at == int(at("19:00:00").utc)
    assert "19:00" in caught.value.next_step


def test_in_opening_hours_nothing_begins_and_the_sentence_says_what_it_would_do() -> None:
    require_open(IN_THE_NIGHT, at("19:00:00").utc, lambda: "never asked")
    with pytest.raises(NightOver) as caught:
        require_open(IN_THE_NIGHT, at("12:00:00").utc, lambda: "12 patients")
    assert "12 patients" in str(caught.value) and "Tuesday 19:00" in str(caught.value)
    assert caught.value.resumes_at == int(at("19:00:00").utc)


def test_without_a_deadline_every_patient_fits() -> None:
    assert fits(night(at("07:59:59"), Hours()), 10**15)


def test_a_clock_set_forward_in_the_night_stops_it_and_one_set_back_does_not_lengthen_it() -> None:
    now = at("02:00:00")
    one = night(now)
    assert fits(one, 0)
    now.utc = at("08:30:00").utc
    assert not fits(one, 0)
    now.utc = at("02:00:00").utc - 86_400
    one = night(now)
    now.utc = at("07:59:30").utc - 86_400
    assert not fits(one, 0)
