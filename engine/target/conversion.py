"""All planned changes, one after the other: what an earlier session left is settled, failures are tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from engine.failpoints import failpoint
from engine.journal import Journal, State
from engine.plan.reader import Plan
from engine.plan.values import Change, PlannedPatient
from engine.running.workers import WorkerDied, Workers
from engine.target.failures import Failure, Kind
from engine.target.notice import Notice
from engine.target.patient import PatientUnit, Settled
from engine.target.work import Prepared
from protocol.vocabulary import FindingCode

Task = tuple[PlannedPatient, Path]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before the first retry, and at most
_ENDED: Final = "the process that made its files ended over it, as where memory runs out"
_UNSETTLED: Final = "; an earlier attempt could not be settled and was left as it is"


class Listener(Protocol):
    """What a conversion tells the outside."""

    def checkpoint(self, change: Change) -> None:
        """Before this change: may block, may raise Interrupted."""

    def carried(self, change: Change) -> None:
        """A change is committed."""

    def noticed(self, change: Change, notice: Notice) -> None:
        """Something a person should look at."""


@dataclass
class Conversion:
    """Makes every change of `plan` that the journal does not call done. `sleep` takes seconds."""

    plan: Plan
    journal: Journal
    unit: PatientUnit
    workers: Workers[Task, Prepared | Failure]
    listener: Listener
    retries: int
    sleep: Callable[[float], None]
    _under_way: dict[int, Change] = field(default_factory=dict)
    _postponed: list[tuple[Change, Failure]] = field(default_factory=list)

    def run(self) -> None:
        """Everything. Raises Interrupted between patients, EnvironmentProblem if the environment keeps failing."""
        for number in self.journal.numbers(State.INTENT):
            self._recover(self.plan.change(number))
        for (patient, _), result in self.workers.map(self._begun()):
            change = self._under_way.pop(patient.number)
            self._persist(change, self._attempt(change, result))
        for change, failure in self._postponed:
            self._persist(change, failure)

    def settle_open(self) -> None:
        """Brings whatever is under way to one of its two ends, without trying anything again. Raises Failure."""
        for number in self.journal.numbers(State.INTENT):
            self.unit.settle(self.plan.change(number), self._prepare)

    def _begun(self) -> Iterator[Task]:
        """Patients with their intent in the journal, ready for a worker. A change without files needs none."""
        for number in self.plan.changes():
            if self.journal.state(number) in (State.DONE, State.INTENT):
                continue
            change = self.plan.change(number)
            self.listener.checkpoint(change)
            if change.comes is None:
                self._persist(change, self._again(change))
                continue
            try:
                self.unit.begin(change)
            except Failure as failure:
                self._postponed.append((change, failure))
            else:
                self._under_way[number] = change
                yield change.comes, self.unit.incoming

    def _recover(self, change: Change) -> None:
        """Settles what an earlier session left; a patient that was undone is begun again with the others."""
        self.listener.checkpoint(change)
        try:
            if self.unit.settle(change, self._prepare) is Settled.COMMITTED:
                self.listener.carried(change)
        except Failure as failure:
            self._persist(change, failure)

    def _attempt(self, change: Change, result: Prepared | Failure | WorkerDied) -> Failure | None:
        """Finishes an attempt whose files are prepared; None once the change is made."""
        try:
            self.unit.finish(change, _prepared(result))
        except Failure as failure:
            return self._settled(change, failure)
        self.listener.carried(change)
        return None

    def _again(self, change: Change) -> Failure | None:
        """A whole new attempt, alone; first settles the old one if that was not possible before."""
        try:
            if self._was_committed(change):
                self.listener.carried(change)
                return None
            self.unit.begin(change)
            prepared = self._prepare(change)
        except Failure as failure:
            return self._settled(change, failure)
        return self._attempt(change, prepared)

    def _was_committed(self, change: Change) -> bool:
        """Settles an attempt that is still open, if there is one. Raises Failure."""
        if self.journal.state(change.number) is not State.INTENT:
            return False
        return self.unit.settle(change, self._prepare) is Settled.COMMITTED

    def _settled(self, change: Change, failure: Failure) -> Failure | None:
        """Rolls a failed attempt back. A commit whose answer was lost turns out to have been a success."""
        try:
            committed = self._was_committed(change)
        except Failure as unsettled:
            return unsettled
        if committed:
            self.listener.carried(change)
        return None if committed else failure

    def _persist(self, change: Change, failure: Failure | None) -> None:
        """Tries again, with longer and longer pauses, as long as that can help; then gives it up."""
        for attempt in range(self.retries):
            if failure is None or failure.kind is Kind.PERMANENT:
                break
            self.sleep(min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE))
            failure = self._again(change)
        if failure is not None:
            self._give_up(change, failure)

    def _give_up(self, change: Change, failure: Failure) -> None:
        if failure.kind is Kind.TRANSIENT:
            failure = self._of_the_store() or failure
        if failure.kind is Kind.ENVIRONMENT:
            raise failure.ends("run convert again; it resumes") from failure
        detail = failure.told
        if self.journal.state(change.number) is State.INTENT:
            detail += _UNSETTLED
        else:
            self.journal.set_aside(change.number, detail)
            failpoint("after-set-aside")
        if failure.notice is not None:
            self.listener.noticed(change, failure.notice)
        self.listener.noticed(change, Notice(FindingCode.SET_ASIDE, detail=detail))

    def _of_the_store(self) -> Failure | None:
        """What would keep every other patient from being written too: a store that takes no new file at all."""
        try:
            self.unit.require_usable()
        except Failure as failure:
            return failure.of_environment()
        return None

    def _prepare(self, change: Change) -> Prepared:
        if change.comes is None:
            return Prepared(())
        try:
            return _prepared(self.workers.run((change.comes, self.unit.incoming)))
        except WorkerDied as died:
            return _prepared(died)


def _prepared(result: Prepared | Failure | WorkerDied) -> Prepared:
    """The prepared files. Raises Failure."""
    if isinstance(result, Failure):
        raise result
    if isinstance(result, WorkerDied):
        raise Failure(Kind.TRANSIENT, _ENDED) from result
    return result
