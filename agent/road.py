"""What to do next: a pure answer to where the gates stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.gates import ROAD, Standing
from protocol.statements import SignedEvidence
from protocol.vocabulary import Check, Gate, GateState, Phase, Verdict


class Hold(StrEnum):
    """What a person ordered for the run as a whole."""

    NONE = "none"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class RunPhase:
    """Run this phase now."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class AwaitApprovals:
    """The evidence of this gate passed; people decide."""

    gate: Gate
    have: int
    needed: int


@dataclass(frozen=True, slots=True)
class AwaitResume:
    """The evidence of this gate failed or was rejected; a person settles the reason and orders resume.

    `newer`: DEXIS 11 went on since the backup. Resuming would find that again; staging a newer one does help.
    """

    gate: Gate
    rejected: bool
    newer: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A person paused or stopped the run; a person resumes it."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class NightHold:
    """The practice opens or is open: conversion waits until `resumes_at` (UTC seconds), or for a person if None."""

    resumes_at: int | None


@dataclass(frozen=True, slots=True)
class AwaitNight:
    """Conversion may go on at `resumes_at` (UTC seconds); None: when a person orders resume."""

    resumes_at: int | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """Every gate on this road is open."""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """This phase's process ended too often without a patient more done; a person looks, and orders resume."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class LedgerUnreadable:
    """The ledger was changed by something else: nothing may happen until it is restored."""


Step = RunPhase | AwaitApprovals | AwaitResume | AwaitNight | Held | Arrived | GaveUp | LedgerUnreadable


def next_step(standings: Mapping[Gate, Standing], hold: Hold, retry_of: str, night: NightHold | None = None) -> Step:
    """The next step; `retry_of` is the digest of the evidence that a resume order told to replace, or empty."""
    if hold is not Hold.NONE:
        return Held(hold)
    for phase, gate in ROAD:
        standing = standings[gate]
        if standing.state is not GateState.OPEN:
            step = _at_closed_gate(phase, standing, retry_of)
            return AwaitNight(night.resumes_at) if night and step == RunPhase(Phase.CONVERT) else step
    return Arrived()


def _at_closed_gate(phase: Phase, standing: Standing, retry_of: str) -> Step:
    if standing.evidence is None or standing.digest == retry_of:
        return RunPhase(phase)
    if standing.state is GateState.WAITING:
        return AwaitApprovals(standing.gate, len(standing.approvals), standing.needed)
    return AwaitResume(standing.gate, standing.state is GateState.REJECTED, _went_on(standing.evidence))


def _went_on(signed: SignedEvidence) -> bool:
    wrong = {check.check for check in signed.evidence.checks if check.verdict is Verdict.FAIL}
    return Check.NOTHING_NEWER in wrong and not wrong & {Check.SOURCE_UNCHANGED, Check.PATIENTS_CONVERTED}


def stuck_on(standings: Mapping[Gate, Standing]) -> str:
    """The digest of the evidence a resume order would replace: failed or rejected, at the first gate not open."""
    for _, gate in ROAD:
        standing = standings[gate]
        if standing.state is not GateState.OPEN:
            waits = isinstance(_at_closed_gate(Phase.ASSESS, standing, ""), AwaitResume)
            return (standing.digest or "") if waits else ""
    return ""
