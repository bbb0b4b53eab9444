"""What comes next, and when to try again: pure answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.attempts import MOST_CRASHES, Attempts, Ending, judge_exit
from agent.pace import REFUSED, RETRY
from agent.road import Arrived, AwaitApprovals, AwaitResume, Held, Hold, RunPhase, next_step, stuck_on
from agent.words import sentence
from engine.gates import GATES, ROAD, Standing
from protocol.vocabulary import Check, Gate, GateState, Outcome, Phase
from tests.engine.statements import evidence

SIGNED = evidence(Gate.STAGED)


def standings(*states: tuple[GateState, str | None]) -> dict[Gate, Standing]:
    """The first gates as given, the rest closed without evidence."""
    padded = [*states, *[(GateState.CLOSED, None)] * (len(GATES) - len(states))]
    return {
        gate: Standing(gate, state, 2, SIGNED if digest else None, digest, ("a" * 32,))
        for gate, (state, digest) in zip(GATES, padded, strict=True)
    }


OPEN, D = (GateState.OPEN, "d" * 64), "e" * 64


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (standings(), RunPhase(Phase.STAGE)),
        (standings(OPEN), RunPhase(Phase.PROVE)),
        (standings(OPEN, OPEN, OPEN), RunPhase(Phase.CONVERT)),
        (standings(OPEN, OPEN, (GateState.WAITING, D)), AwaitApprovals(Gate.DRY_RUN, 1, 2)),
        (standings(OPEN, (GateState.CLOSED, D)), AwaitResume(Gate.PROFILE_PROVEN, False)),
        (standings(OPEN, (GateState.REJECTED, D)), AwaitResume(Gate.PROFILE_PROVEN, True)),
        (standings(*[OPEN] * 5), Arrived()),
    ],
)
def test_the_first_gate_that_is_not_open_decides(given: dict[Gate, Standing], expected: object) -> None:
    assert next_step(given, Hold.NONE, "") == expected
    assert sentence(next_step(given, Hold.NONE, ""))


@pytest.mark.parametrize(
    ("failing", "newer"), [(Check.NOTHING_NEWER, True), (Check.SOURCE_UNCHANGED, False), (Check.FILES_WRITTEN, False)]
)
def test_where_the_source_went_on_the_practice_is_told_to_stage_a_newer_backup(failing: Check, newer: bool) -> None:
    signed = evidence(Gate.DRY_RUN, failing=failing)
    given = standings(OPEN, OPEN) | {Gate.DRY_RUN: Standing(Gate.DRY_RUN, GateState.CLOSED, 2, signed, D)}
    step = next_step(given, Hold.NONE, "")
    assert step == AwaitResume(Gate.DRY_RUN, rejected=False, newer=newer)
    assert ("stage a newer" in sentence(step)) is newer


def test_a_resume_order_repeats_the_phase_for_the_evidence_it_meant_and_no_other() -> None:
    failed = standings(OPEN, (GateState.CLOSED, D))
    assert stuck_on(failed) == D
    assert next_step(failed, Hold.NONE, D) == RunPhase(Phase.PROVE)
    again = standings(OPEN, (GateState.CLOSED, "f" * 64))
    assert next_step(again, Hold.NONE, D) == AwaitResume(Gate.PROFILE_PROVEN, False)


def test_a_resume_order_replaces_nothing_that_waits_for_approvals() -> None:
    assert stuck_on(standings(OPEN, (GateState.WAITING, D))) == ""
    assert stuck_on(standings(*[OPEN] * 5)) == ""


@pytest.mark.parametrize("hold", [Hold.PAUSED, Hold.STOPPED])
def test_nothing_runs_while_held(hold: Hold) -> None:
    for opened in range(len(ROAD)):
        assert next_step(standings(*[OPEN] * opened), hold, D) == Held(hold)


@pytest.mark.parametrize(
    ("code", "said", "ending"),
    [
        (0, Outcome.DONE, Ending.FINISHED),
        (1, Outcome.ANSWER_IS_NO, Ending.FINISHED),
        (0, None, Ending.CRASHED),
        (1, None, Ending.CRASHED),
        (2, None, Ending.UNUSABLE),
        (3, None, Ending.REFUSED),
        (4, None, Ending.INTERRUPTED),
        (5, None, Ending.UNAVAILABLE),
        (-9, None, Ending.CRASHED),
        (-9, Outcome.DONE, Ending.CRASHED),
        (139, None, Ending.CRASHED),
    ],
)
def test_an_exit_is_judged_by_code_and_last_word(code: int, said: Outcome | None, ending: Ending) -> None:
    assert judge_exit(code, said) is ending


def test_crashes_without_progress_are_bounded_and_progress_forgives() -> None:
    attempts = Attempts(Phase.CONVERT)
    for _ in range(MOST_CRASHES - 1):
        attempts = attempts.after(Ending.CRASHED, 0)
    assert not attempts.gave_up
    assert attempts.after(Ending.CRASHED, 0).gave_up
    assert not attempts.after(Ending.CRASHED, 7).gave_up
    assert attempts.after(Ending.FINISHED, 7) == Attempts(Phase.CONVERT)


def test_an_unreachable_database_is_waited_for_without_end() -> None:
    attempts = Attempts(Phase.CONVERT)
    for _ in range(500):
        attempts = attempts.after(Ending.UNAVAILABLE, 0)
    assert not attempts.gave_up
    assert attempts.delay(Ending.UNAVAILABLE, lambda: 1.0) == RETRY.cap


def test_a_first_interruption_resumes_at_once_and_a_second_waits() -> None:
    first = Attempts(Phase.CONVERT).after(Ending.INTERRUPTED, 0)
    assert first.delay(Ending.INTERRUPTED, lambda: 1.0) == 0.0
    assert first.after(Ending.INTERRUPTED, 0).delay(Ending.INTERRUPTED, lambda: 1.0) > 0.0


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_every_delay_is_jittered_over_its_whole_range(attempt: int, chance: float) -> None:
    for pace in (RETRY, REFUSED):
        ceiling = pace.delay(attempt, lambda: 1.0) - pace.floor
        assert ceiling <= pace.cap
        assert pace.delay(attempt, lambda: chance) == pace.floor + chance * ceiling
    assert REFUSED.delay(attempt, lambda: chance) >= 60.0
