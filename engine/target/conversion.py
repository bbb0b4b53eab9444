"""All planned patients, one after the other: what an earlier session left is settled, failures are tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from engine.failpoints import failpoint
from engine.journal import Journal, State
from engine.plan import Plan, PlannedPatient
from engine.target.failures import Failure, Kind
from engine.target.notice import Notice
from engine.target.patient import PatientUnit, Settled
from engine.target.workshop import Prepared
from engine.workers import WorkerDied, Workers
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import FindingCode

Task = tuple[PlannedPatient, Path]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before the first retry, and at most
_UNSETTLED: Final = "; an earlier attempt could not be settled and was left as it is"


class Listener(Protocol):
    """What a conversion tells the outside."""

    def checkpoint(self, patient: PlannedPatient) -> None:
        """Before this patient: may block, may raise Interrupted."""

    def carried(self, patient: PlannedPatient) -> None:
        """A patient is committed."""

    def noticed(self, patient: PlannedPatient, notice: Notice) -> None:
        """Something a person should look at."""


@dataclass
class Conversion:
    """Carries over every patient of `plan` that the journal does not call done. `sleep` takes seconds."""

    plan: Plan
    journal: Journal
    unit: PatientUnit
    workers: Workers[Task, Prepared | Failure]
    listener: Listener
    retries: int
    sleep: Callable[[float], None]
    _postponed: list[tuple[PlannedPatient, Failure]] = field(default_factory=list)

    def run(self) -> None:
        """Everything. Raises Interrupted between patients, EnvironmentProblem if the environment keeps failing."""
        for number in self.journal.numbers(State.INTENT):
            self._recover(self.plan.patient(number))
        for (patient, _), result in self.workers.map(self._begun()):
            self._persist(patient, self._attempt(patient, result))
        for patient, failure in self._postponed:
            self._persist(patient, failure)

    def settle_open(self) -> None:
        """Brings whatever is under way to one of its two ends, without trying anything again. Raises Failure."""
        for number in self.journal.numbers(State.INTENT):
            self.unit.settle(self.plan.patient(number), self._prepare)

    def _begun(self) -> Iterator[Task]:
        """Patients with their intent in the journal, ready for a worker."""
        for number in self.plan.numbers():
            if self.journal.state(number) in (State.DONE, State.INTENT):
                continue
            patient = self.plan.patient(number)
            self.listener.checkpoint(patient)
            try:
                self.unit.begin(patient)
            except Failure as failure:
                self._postponed.append((patient, failure))
            else:
                yield patient, self.unit.incoming

    def _recover(self, patient: PlannedPatient) -> None:
        """Settles what an earlier session left; a patient that was undone is begun again with the others."""
        self.listener.checkpoint(patient)
        try:
            if self.unit.settle(patient, self._prepare) is Settled.COMMITTED:
                self.listener.carried(patient)
        except Failure as failure:
            self._persist(patient, failure)

    def _attempt(self, patient: PlannedPatient, result: Prepared | Failure | WorkerDied) -> Failure | None:
        """Finishes an attempt whose files are prepared; None once the patient is carried over."""
        try:
            self.unit.finish(patient, _prepared(result))
        except Failure as failure:
            return self._settled(patient, failure)
        self.listener.carried(patient)
        return None

    def _again(self, patient: PlannedPatient) -> Failure | None:
        """A whole new attempt, alone; first settles the old one if that was not possible before."""
        try:
            if self._was_committed(patient):
                self.listener.carried(patient)
                return None
            self.unit.begin(patient)
            prepared = self._prepare(patient)
        except Failure as failure:
            return self._settled(patient, failure)
        return self._attempt(patient, prepared)

    def _was_committed(self, patient: PlannedPatient) -> bool:
        """Settles an attempt that is still open, if there is one. Raises Failure."""
        if self.journal.state(patient.number) is not State.INTENT:
            return False
        return self.unit.settle(patient, self._prepare) is Settled.COMMITTED

    def _settled(self, patient: PlannedPatient, failure: Failure) -> Failure | None:
        """Rolls a failed attempt back. A commit whose answer was lost turns out to have been a success."""
        try:
            committed = self._was_committed(patient)
        except Failure as unsettled:
            return unsettled
        if committed:
            self.listener.carried(patient)
        return None if committed else failure

    def _persist(self, patient: PlannedPatient, failure: Failure | None) -> None:
        """Tries again, with longer and longer pauses, as long as that can help; then gives the patient up."""
        for attempt in range(self.retries):
            if failure is None or failure.kind is Kind.PERMANENT:
                break
            self.sleep(min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE))
            failure = self._again(patient)
        if failure is not None:
            self._give_up(patient, failure)

    def _give_up(self, patient: PlannedPatient, failure: Failure) -> None:
        if failure.kind is Kind.ENVIRONMENT:
            raise EnvironmentProblem(
                failure.detail, where="conversion", next_step="put that right and run convert again; it resumes"
            ) from failure
        detail = failure.detail
        if self.journal.state(patient.number) is State.INTENT:
            detail += _UNSETTLED
        else:
            self.journal.set_aside(patient.number, detail)
            failpoint("after-set-aside")
        if failure.notice is not None:
            self.listener.noticed(patient, failure.notice)
        self.listener.noticed(patient, Notice(FindingCode.SET_ASIDE, detail=detail))

    def _prepare(self, patient: PlannedPatient) -> Prepared:
        try:
            return _prepared(self.workers.run((patient, self.unit.incoming)))
        except WorkerDied as died:
            return _prepared(died)


def _prepared(result: Prepared | Failure | WorkerDied) -> Prepared:
    """The prepared files. Raises Failure."""
    if isinstance(result, Failure):
        raise result
    if isinstance(result, WorkerDied):
        raise Failure(Kind.TRANSIENT, "the worker process died") from result
    return result
