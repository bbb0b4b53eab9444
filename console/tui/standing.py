"""How a practice stands, in one word for sorting and one sentence for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from console.tui import figures
from console.tui.words import BAD_EVIDENCE, PHASES, REFUSALS, ROAD, SERIOUS_ALARMS, phase_of
from console.verdicts import Judgement, gate_view
from console.wire import PracticeView
from protocol.messages import PhaseProgress
from protocol.vocabulary import Gate, GateState, Outcome, PhaseState

SILENT_SECONDS = 60
"""Four heartbeats of an agent: silent for longer during a run is trouble."""


class Urgency(IntEnum):
    """The fleet's groups, most urgent first."""

    NEEDS_ME = 0
    TROUBLE = 1
    RUNNING = 2
    QUIET = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """`why` is short enough for a narrow table; `sentence` says the same in full and what to do next."""

    urgency: Urgency
    trouble: bool
    why: str
    sentence: str


def focus_gate(practice: PracticeView) -> Gate:
    """The gate that matters now: the first of the road that is not open, else the last."""
    gates = tuple(gate for _, gate in ROAD)
    shut = (gate for gate in gates if gate_view(practice, gate).state is not GateState.OPEN)
    return next(shut, gates[-1])


def is_complete(practice: PracticeView) -> bool:
    """Whether every gate of the road is open."""
    return gate_view(practice, focus_gate(practice)).state is GateState.OPEN


def is_running(practice: PracticeView) -> bool:
    """Whether a phase is under way, paused or not."""
    return practice.progress is not None and practice.progress.state is not PhaseState.ENDED


def silence(practice: PracticeView, now: int) -> int | None:
    """Seconds of silence during a run, when that is too long; else None."""
    if not is_running(practice) or practice.last_heard is None:
        return None
    quiet = now - practice.last_heard
    return quiet if quiet > SILENT_SECONDS else None


def standing_of(practice: PracticeView, judgement: Judgement, now: int) -> Standing:
    """`judgement` is that of the practice's focus gate, `now` UTC seconds."""
    trouble = _trouble(practice, judgement, now)
    if judgement.needs_me:
        return _needs_me(judgement, trouble)
    if trouble is not None:
        return Standing(Urgency.TROUBLE, True, *trouble)
    return _calm(practice, judgement)


def _needs_me(judgement: Judgement, trouble: tuple[str, str] | None) -> Standing:
    given = f"{len(judgement.approved_by)} of {judgement.needed}"
    sentence = f"{judgement.gate} waits for your decision, {given} approvals given: press Enter and read the evidence."
    more = f" Also: {trouble[1]}" if trouble else ""
    return Standing(Urgency.NEEDS_ME, trouble is not None, f"needs you: {given} approved", sentence + more)


def _trouble(practice: PracticeView, judgement: Judgement, now: int) -> tuple[str, str] | None:
    gate, quiet = judgement.gate, silence(practice, now)
    if quiet is not None:
        return f"silent for {figures.age(quiet)}", (
            f"The agent has been silent for {figures.age(quiet)} during a run. The run goes on by itself if the "
            "server lives: call the practice if this lasts."
        )
    if not is_complete(practice) and (alarms := [one for one in practice.alarms if one in SERIOUS_ALARMS]):
        return "alarm raised", f"The agent raised an alarm ({alarms[0]}): press Enter and see what to do."
    if judgement.state is GateState.REJECTED:
        return f"{gate} rejected", f"An approver said no to {gate}. Settle the reason; then an admin resumes (r)."
    if judgement.refusal is not None:
        why = BAD_EVIDENCE.get(judgement.refusal, "evidence did not pass")
        return why, f"{gate} cannot be approved. {REFUSALS[judgement.refusal]}"
    return _failing(practice.progress)


def _failing(progress: PhaseProgress | None) -> tuple[str, str] | None:
    if progress is None or progress.outcome not in (Outcome.REFUSED, Outcome.FAILED):
        return None
    name = PHASES[progress.phase]
    if progress.outcome is Outcome.REFUSED:
        return f"{name} refused", f"{name.capitalize()} was refused: an earlier gate is closed, or the job is held."
    return (
        f"{name} failed",
        f"{name.capitalize()} failed on database, disk, network or settings; the agent tries again.",
    )


def _calm(practice: PracticeView, judgement: Judgement) -> Standing:
    if practice.agent_key is None:
        return Standing(Urgency.QUIET, False, "no agent yet", "No agent is enrolled: give the practice a token.")
    if practice.paused:
        return Standing(Urgency.RUNNING, False, "paused", "Paused by an admin: nothing runs until somebody resumes.")
    if is_running(practice):
        return Standing(Urgency.RUNNING, False, "running", "Running. Nothing to do: approvals are asked for here.")
    if (over := _night_over(practice.progress)) is not None:
        return over
    if is_complete(practice):
        return Standing(Urgency.QUIET, False, "complete", "Complete: every gate of the road is open. Nothing to do.")
    return _between(practice, judgement)


def _night_over(progress: PhaseProgress | None) -> Standing | None:
    """The practice opens, or is open: nothing is wrong, and either the evening or an admin goes on."""
    if progress is None or progress.outcome not in (Outcome.DEADLINE, Outcome.UNTIL_EVENING):
        return None
    done = f"{figures.of(progress.patients_done, progress.patients_total)} patients"
    if progress.outcome is Outcome.UNTIL_EVENING:
        so_far = f" So far {done}." if progress.patients_done else ""
        sentence = f"Waits until the practice closes: conversion goes on by itself in the evening.{so_far}"
        return Standing(Urgency.QUIET, False, "until evening", sentence)
    sentence = f"Stopped at the deadline, {done}: an admin resumes (r) when the practice is closed."
    return Standing(Urgency.RUNNING, False, "at the deadline", sentence)


def _between(practice: PracticeView, judgement: Judgement) -> Standing:
    gate = judgement.gate
    if judgement.state is GateState.WAITING:
        given = f"{len(judgement.approved_by)} of {judgement.needed}"
        if judgement.on_the_way:
            return Standing(Urgency.QUIET, False, "on its way to the agent", _ON_ITS_WAY.format(gate=gate))
        why, sentence = f"{given} approved", f"{gate} waits for another approver: {given} approvals given."
        return Standing(Urgency.QUIET, False, why, sentence)
    if not practice.connected:
        sentence = "The agent is not connected. It works on by itself, and reports when it comes back."
        return Standing(Urgency.QUIET, False, "not connected", sentence)
    return Standing(Urgency.QUIET, False, f"before {phase_of(gate)}", f"Next is {phase_of(gate)}; the agent begins it.")


_ON_ITS_WAY = "A decision on {gate} is on its way: it counts once the practice's agent has applied it."
