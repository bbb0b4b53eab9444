"""The last line of a phase: what the person at the keyboard does next."""

from __future__ import annotations

import msgspec
import pytest

from engine.cli.next_step import at_gate
from engine.cli.summary import sentence
from engine.gates import NO_PRACTICE, Standing
from engine.phases import PhaseResult, judged
from engine.run_phase import PhaseReport
from protocol.statements import Totals
from protocol.vocabulary import Check, Gate, GateState, Phase
from tests.engine.statements import evidence


def last_line(state: GateState, *wrong: Check) -> str:
    checks = tuple(judged(check, 0, int(check in wrong)) for check in (Check.SOURCE_UNCHANGED, Check.NOTHING_NEWER))
    checks += (judged(Check.NO_BLOCKERS, 0, int(Check.NO_BLOCKERS in wrong)),)
    result = PhaseResult(Gate.DRY_RUN, checks, Totals())
    return sentence("dry-run", PhaseReport(Phase.DRY_RUN, result, Standing(Gate.DRY_RUN, state, 2), 1.0)).splitlines()[
        -1
    ]


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ((Check.NO_BLOCKERS,), "settle the findings above"),
        ((Check.NOTHING_NEWER, Check.NO_BLOCKERS), "stage a newer backup"),
        ((Check.SOURCE_UNCHANGED, Check.NOTHING_NEWER), "source-check"),
    ],
)
def test_a_no_says_where_to_begin(wrong: tuple[Check, ...], advice: str) -> None:
    line = last_line(GateState.CLOSED, *wrong)
    assert line.startswith("Gate DRY_RUN stays closed. Next: ") and advice in line


def test_a_yes_names_the_next_phase_or_who_is_waited_for() -> None:
    assert last_line(GateState.OPEN).endswith("Next: convert")
    assert "0 of 2" in last_line(GateState.WAITING)


def at(state: GateState, failing: Check | None = None, gate: Gate = Gate.CONVERTED) -> tuple[Phase, str]:
    return at_gate(Phase.CONVERT, Standing(gate, state, 2, evidence(gate, failing=failing)))


def test_where_the_source_went_on_or_was_changed_the_road_begins_anew_with_stage() -> None:
    phase, advice = at(GateState.CLOSED, Check.NOTHING_NEWER)
    assert phase is Phase.STAGE and "newer backup" in advice
    phase, advice = at(GateState.CLOSED, Check.SOURCE_UNCHANGED)
    assert phase is Phase.STAGE and "source-check" in advice


@pytest.mark.parametrize(
    ("also", "following"), [(Check.NOTHING_NEWER, Phase.CONVERT), (Check.SOURCE_UNCHANGED, Phase.STAGE)]
)
def test_a_conversion_is_finished_on_its_approvals_unless_its_source_is_not_what_was_planned(
    also: Check, following: Phase
) -> None:
    checks = tuple(judged(check, 7, 6) for check in (Check.PATIENTS_CONVERTED, also))
    signed = evidence(Gate.CONVERTED)
    unfinished = msgspec.structs.replace(signed, evidence=msgspec.structs.replace(signed.evidence, checks=checks))
    phase, advice = at_gate(Phase.CONVERT, Standing(Gate.CONVERTED, GateState.CLOSED, 0, unfinished))
    assert phase is following and advice.endswith(f"then {following} again")


def test_status_never_says_to_repeat_a_phase_that_only_waits_for_approvals() -> None:
    phase, advice = at(GateState.WAITING)
    assert phase is Phase.CONVERT and advice.startswith("CONVERTED waits for approvals, 0 of 2: ask the firm")
    assert "console" in advice and "by a file for bitewing-agent approve" in advice


def test_before_enrolment_nobody_is_told_to_wait_for_an_approval_that_cannot_come() -> None:
    signed = evidence(Gate.CONVERTED)
    nobodys = msgspec.structs.replace(signed, evidence=msgspec.structs.replace(signed.evidence, practice=NO_PRACTICE))
    phase, advice = at_gate(Phase.CONVERT, Standing(Gate.CONVERTED, GateState.WAITING, 2, nobodys))
    assert phase is Phase.CONVERT and "enroll TOKEN" in advice and "anew from stage" in advice
    assert "console" not in advice


def test_status_names_the_phase_to_run_and_what_comes_before_it() -> None:
    assert at_gate(Phase.PROVE, Standing(Gate.PROFILE_PROVEN, GateState.CLOSED, 1)) == (Phase.PROVE, "prove")
    assert at(GateState.REJECTED)[1] == "settle why CONVERTED was rejected, then convert again"
    assert at(GateState.CLOSED, Check.NOTHING_SET_ASIDE)[1].startswith("settle what did not pass")
