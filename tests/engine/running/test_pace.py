"""The throttle: how long a worker rests, what it costs a stop at most, and that it holds in every worker."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.running import workers
from engine.running.control import Switch
from engine.running.pace import FULL_PACE, MOST_REST, SLOWEST_PACE, pace_from, rest
from engine.running.workers import Workers
from tests.engine.running.test_workers import multiplied, set_up


@given(st.floats(0, 1000), st.integers(SLOWEST_PACE, FULL_PACE))
def test_work_is_the_share_of_the_time_that_the_pace_names(worked: float, pace: int) -> None:
    rested = rest(worked, pace)
    assert 0 <= rested <= MOST_REST
    if rested < MOST_REST:
        assert worked * 100 == pytest.approx((worked + rested) * pace)


def test_at_full_pace_nobody_rests() -> None:
    assert rest(1000.0, FULL_PACE) == 0.0


@pytest.mark.parametrize(
    ("word", "pace"),
    [("pace 50", 50), ("pace 10", 10), ("pace 100", 100), ("pace 9", None), ("pace 101", None), ("pace", None),
     ("pace -5", None), ("pace ５０", None), ("pace 5 0", None), ("stop", None), ("", None)],
)  # fmt: skip
def test_a_control_word_names_a_pace_or_nothing(word: str, pace: int | None) -> None:
    assert pace_from(word) == pace


def test_the_switch_obeys_a_pace_between_the_other_words_and_forgets_nonsense() -> None:
    switch = Switch(80)
    seen: list[int] = []
    switch.on_pause(lambda paused: seen.append(switch.pace))
    switch.obey(["pause\n", "pace 50\n", "resume\n", "pace 5\n", "pause\n"])
    assert seen == [80, 50, 50]


def test_a_worker_rests_for_the_piece_before_and_not_before_it_gives_back_its_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests: list[float] = []
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0, 20.0])
    monkeypatch.setattr(workers.time, "sleep", rests.append)
    monkeypatch.setattr(workers.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(workers, "_worked", [0.0])
    pace = iter([50, 50, 25])
    with Workers(1, multiplied, set_up, (3,), lambda: next(pace)) as pool:
        assert [result for _, result in pool.map([1, 2, 3])] == [3, 6, 9]
    assert rests == [0.0, 3.0, 3.0]


def test_every_worker_process_keeps_the_pace() -> None:
    """Each of two workers sleeps as long as it works, so the resting counts although others work meanwhile."""
    with Workers(2, _nap, set_up, (3,), lambda: 50) as pool:
        rested = [result for _, result in pool.map([0.05] * 12)]
    assert sum(seconds > 0 for seconds in rested) >= 10


def _nap(seconds: float) -> float:
    """Works so long; what this worker will have to rest for the piece before, as it was when this one began."""
    owed = rest(workers._worked[0], 50)
    time.sleep(seconds)
    return owed
