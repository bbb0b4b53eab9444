"""One phase under its gate: refused unless the road is open, its result signed and set down in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.events import Event, EvidenceProduced, PhaseEnded, PhaseStarted
from engine.gates import NO_PRACTICE, ROAD, Standing
from engine.job import Job
from engine.ledger import Ledger
from engine.phases import PhaseResult
from engine.places import explained
from engine.running.control import Control
from engine.running.reporter import Reporter
from protocol.errors import BitewingError, Interrupted, NightOver, Refused
from protocol.keyset import Signer
from protocol.statements import Evidence, ProfileDigests, SignedEvidence, sign_evidence
from protocol.vocabulary import GateState, Outcome, Phase

PhaseFunction = Callable[[Job, Reporter, Control], PhaseResult]


@dataclass(frozen=True)
class World:
    """What a phase needs of the outside. `clock` is UTC seconds, `monotonic` seconds for rates.

    `admit` returns if a phase may begin at this hour, and raises NightOver if not.
    """

    ledger: Ledger
    signer: Signer
    emit: Callable[[Event], None]
    control: Control
    clock: Callable[[], int]
    monotonic: Callable[[], float]
    admit: Callable[[Phase], None] = lambda phase: None


@dataclass(frozen=True, slots=True)
class PhaseReport:
    """How a phase ended: what it found, where its gate stands now, and how long it took (seconds)."""

    phase: Phase
    result: PhaseResult
    standing: Standing
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the evidence passed; approvals may still be missing."""
        return self.standing.state in (GateState.OPEN, GateState.WAITING)


def run_phase(
    phase: Phase,
    function: PhaseFunction,
    job: Job,
    profiles: ProfileDigests,
    world: World,
    version: str,
    reporter: Reporter,
) -> PhaseReport:
    """Runs `phase` if every earlier gate is open. Raises Refused, Interrupted, NightOver or EnvironmentProblem."""
    _admit(phase, world)
    world.ledger.begin(phase)
    world.emit(PhaseStarted(phase))
    started = world.monotonic()
    try:
        with explained(job), reporter:
            result = function(job, reporter, world.control)
    except BitewingError as error:
        world.emit(_broken_off(phase, error, world.monotonic() - started))
        raise
    seconds = world.monotonic() - started
    evidence = _evidence(job, result, profiles, world, version, seconds)
    _record(world, sign_evidence(evidence, world.signer), renewed=result.renewed)
    result.publish()
    standing = world.ledger.standings()[result.gate]
    report = PhaseReport(phase, result, standing, seconds)
    world.emit(PhaseEnded(phase, Outcome.DONE if report.passed else Outcome.ANSWER_IS_NO, seconds))
    return report


def _admit(phase: Phase, world: World) -> None:
    """Before the phase begins on its approvals: one that comes in opening hours uses up nothing."""
    try:
        world.admit(phase)
    except NightOver as over:
        world.emit(_broken_off(phase, over, 0.0))
        raise


def _broken_off(phase: Phase, error: BitewingError, seconds: float) -> PhaseEnded:
    if isinstance(error, NightOver):
        outcome = Outcome.DEADLINE if error.resumes_at is None else Outcome.UNTIL_EVENING
        return PhaseEnded(phase, outcome, seconds, error.resumes_at)
    if isinstance(error, Interrupted):
        return PhaseEnded(phase, Outcome.INTERRUPTED, seconds)
    return PhaseEnded(phase, Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED, seconds)


def _evidence(
    job: Job, result: PhaseResult, profiles: ProfileDigests, world: World, version: str, seconds: float
) -> Evidence:
    return Evidence(
        practice=world.ledger.state().practice or NO_PRACTICE,
        run=job.run_id,
        gate=result.gate,
        produced_at=world.clock(),
        engine_version=version,
        profiles=profiles,
        checks=result.checks,
        totals=result.totals,
        digests=result.digests,
        seconds=round(seconds, 3),
        plan=result.plan,
    )


def _record(world: World, signed: SignedEvidence, *, renewed: bool) -> None:
    """Evidence of a gate that nobody approves is not set down twice if it claims the same of the same."""
    road, gate = world.ledger.state(), signed.evidence.gate
    before = road.evidence(gate)
    if before is None or renewed or road.needed(gate) or _claims(before) != _claims(signed):
        world.ledger.record_evidence(signed)
        world.emit(EvidenceProduced(signed))


def _claims(signed: SignedEvidence) -> tuple[object, ...]:
    evidence = signed.evidence
    return evidence.practice, evidence.profiles, evidence.checks, evidence.totals, evidence.digests, evidence.plan


def phase_of(verb: str) -> Phase:
    """The phase that a verb of the command line runs."""
    return next(phase for phase, _ in ROAD if phase == verb)
