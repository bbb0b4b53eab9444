"""One patient, all or nothing: six steps, each durable before the next, and recovery that asks the target itself.

1 journal intent · 2 files written and verified in the incoming folder (`workshop.prepare`) · 3 rows inserted ·
4 files linked to their final paths, never over anything · 5 commit · 6 journal done.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from engine.failpoints import failpoint
from engine.journal import Journal
from engine.plan import PlannedPatient
from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.failures import Failure, Kind
from engine.target.files import Presence, TargetStore
from engine.target.notice import Notice
from engine.target.planned import planned_files, planned_rows
from engine.target.workshop import Prepared
from protocol.vocabulary import FindingCode


class Settled(StrEnum):
    """How an attempt that was cut short turned out."""

    COMMITTED = "committed"
    UNDONE = "undone"


class PatientUnit:
    """Carries patients over, one transaction each. `incoming` is this session's folder on the target volume."""

    def __init__(
        self, profile: TargetProfile, database: TargetDatabase, store: TargetStore, journal: Journal, incoming: Path
    ) -> None:
        self._profile, self._database, self._store, self._journal = profile, database, store, journal
        self.incoming = incoming

    def begin(self, patient: PlannedPatient) -> None:
        """Step 1. Raises Failure if anything that is not ours stands where this patient would go."""
        files = planned_files(patient)
        if self._database.found_of(planned_rows(patient, self._profile)).under_keys:
            raise Failure(Kind.PERMANENT, "rows that are not ours stand under planned keys; nothing was touched")
        if taken := self._store.taken(file.path for file in files):
            notice = Notice(FindingCode.PATH_TAKEN, place=taken[0], detail=f"{len(taken)} planned paths are taken")
            raise Failure(Kind.PERMANENT, "files that are not ours stand at planned paths; nothing was touched", notice)
        self._journal.begin(patient.number, patient.keys, files)
        failpoint("after-intent")

    def finish(self, patient: PlannedPatient, prepared: Prepared) -> None:
        """Steps 3 to 6. Raises Failure; then `settle` says whether the commit was reached."""
        with self._database.transaction() as connection:
            self._database.insert(connection, planned_rows(patient, self._profile))
            failpoint("after-insert")
            self._store.link(self.incoming, prepared.files)
            failpoint("before-commit")
        failpoint("after-commit")
        self._journal.done(patient.number)
        failpoint("after-done")
        self._discard(prepared)

    def settle(self, patient: PlannedPatient, prepare: Callable[[PlannedPatient], Prepared]) -> Settled:
        """Brings an attempt that was cut short to one of its two ends. Raises Failure, with nothing touched.

        Rows there: committed, missing links are made good with what `prepare` makes. Rows not there: exactly the
        journalled files that carry our digest are removed.
        """
        rows = planned_rows(patient, self._profile)
        found = self._database.found_of(rows, after_writers=True)
        if found.under_keys == 0:
            return self._undo(patient)
        if found.equal != len(rows):
            raise Failure(Kind.PERMANENT, "rows that are not ours stand under planned keys; nothing was touched")
        return self._roll_forward(patient, prepare)

    def _undo(self, patient: PlannedPatient) -> Settled:
        self._store.remove_ours(self._journal.intent(patient.number).files)
        failpoint("before-undone")
        self._journal.undone(patient.number)
        failpoint("after-undone")
        return Settled.UNDONE

    def _roll_forward(self, patient: PlannedPatient, prepare: Callable[[PlannedPatient], Prepared]) -> Settled:
        found = {file: self._store.presence(file) for file in self._journal.intent(patient.number).files}
        if Presence.FOREIGN in found.values():
            raise Failure(Kind.PERMANENT, "the rows are committed and a file at a planned path is not ours")
        if Presence.ABSENT in found.values():
            failpoint("before-forward")
            prepared = prepare(patient)
            missing = [pair for pair in prepared.files if found[pair[1]] is Presence.ABSENT]
            self._store.link(self.incoming, missing)
            self._discard(prepared)
            failpoint("before-forward-done")
        self._journal.done(patient.number)
        return Settled.COMMITTED

    def _discard(self, prepared: Prepared) -> None:
        """Makes room early. What cannot be removed now goes with the incoming folder."""
        for name, _ in prepared.files:
            with suppress(OSError):
                (self.incoming / name).unlink(missing_ok=True)
