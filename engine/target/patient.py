"""One patient, all or nothing: six steps, each durable before the next, and recovery that asks the target itself.

1 journal intent · 2 files written and verified in the incoming folder (`Workshop.prepare`) · 3 rows inserted ·
4 files linked to their final paths, never over anything · 5 commit · 6 journal done.

In a top-up a patient of an earlier plan may leave in the same unit: its rows are deleted in the transaction of step 3,
its files removed between steps 5 and 6, when nothing speaks of them any more.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from engine.failpoints import failpoint
from engine.journal import Journal
from engine.plan.values import Change, PlannedPatient
from engine.profiles.schema import TargetProfile
from engine.target import leaving
from engine.target.database import Found, TargetDatabase
from engine.target.failures import Failure, Kind
from engine.target.files import PlannedFile, Presence, TargetStore
from engine.target.made import makes_keys, of_planned_keys, with_made
from engine.target.notice import Notice
from engine.target.planned import Standing, planned_files, planned_rows
from engine.target.rows import Row
from engine.target.stood import AsItStood
from engine.target.unknown import journal_intent
from engine.target.work import Prepared
from protocol.vocabulary import FindingCode

Prepare = Callable[[Change], Prepared]
Noticed = Callable[[Change, Notice], None]


class Settled(StrEnum):
    """How an attempt that was cut short turned out."""

    COMMITTED = "committed"
    UNDONE = "undone"


def _unnoticed(change: Change, notice: Notice) -> None:
    return None


class PatientUnit:
    """Makes changes, one transaction each. `incoming` is this session's folder on the target volume.

    `noticed` hears of what a person should look at and what keeps no change from being made.
    """

    def __init__(
        self,
        profile: TargetProfile,
        database: TargetDatabase,
        store: TargetStore,
        journal: Journal,
        incoming: Path,
        stood: AsItStood,
        noticed: Noticed = _unnoticed,
    ) -> None:
        self._profile, self._database, self._store, self._journal = profile, database, store, journal
        self.incoming, self._stood, self._noticed = incoming, stood, noticed
        self._begun: dict[int, tuple[Row, ...]] = {}  # rows of the changes that are under way, by number

    def begin(self, change: Change) -> None:
        """Step 1. Raises Failure if anything that is not ours stands where this patient would go, or if the patient
        who leaves is not as it was converted."""
        files, rows = _files(change.comes), self._rows(change.comes)
        if self._stood.taken.any(of_planned_keys(rows, self._profile)):
            raise Failure(Kind.PERMANENT, "rows that are not ours stand under planned keys; nothing was touched")
        if taken := frozenset(self._store.taken(file.path for file in files)):
            self._refuse_taken([file for file in files if file.path in taken])
        if change.leaves:
            self._refuse_worked_with(change.leaves)
        journal_intent(change, self._journal)
        self._begun[change.number] = rows
        failpoint("after-intent")

    def _refuse_taken(self, taken: list[PlannedFile]) -> None:
        """Files without a row stand at planned paths, and the journal knows nothing of them. Raises Failure."""
        detail = "files that are not ours stand at planned paths; nothing was touched"
        if all(self._store.presence(file) is Presence.OURS for file in taken):
            detail = "the planned files stand there already, and no row; if journal.sqlite was lost, run settle"
        notice = Notice(FindingCode.PATH_TAKEN, place=taken[0].path, detail=f"{len(taken)} planned paths are taken")
        raise Failure(Kind.PERMANENT, detail, notice)

    def finish(self, change: Change, prepared: Prepared) -> None:
        """Steps 3 to 6. Raises Failure; then `settle` says whether the commit was reached."""
        with self._database.transaction() as connection:
            if change.leaves:
                leaving.remove(self._standing(change.leaves), self._profile, self._database, connection)
                failpoint("after-delete")
            made = self._database.insert(connection, self._begun.pop(change.number))
            failpoint("after-insert")
            if made:
                self._journal.made_keys(change.number, made)
                failpoint("after-keys")
            self._store.link(self.incoming, prepared.files)
            failpoint("before-commit")
        failpoint("after-commit")
        self._done(change)
        failpoint("after-done")
        self._discard(prepared)

    def require_usable(self) -> None:
        """Returns if the store takes a new file at all. Raises Failure."""
        self._store.require_usable(self.incoming)

    def settle(self, change: Change, prepare: Prepare) -> Settled:
        """Brings an attempt that was cut short to one of its two ends. Raises Failure, with nothing touched.

        Committed: missing links are made good with what `prepare` makes, files of the patient who left are removed.
        Not committed: exactly the journalled files that carry our digest are removed.
        """
        committed = self._arrived(change.comes) if change.comes else self._left(change.leaves)
        return self._roll_forward(change, prepare) if committed else self._undo(change)

    def _arrived(self, patient: PlannedPatient) -> bool:
        """Whether the rows of who comes stand in the target; what leaves, leaves in the same transaction.

        Keys that the database makes are in the journal before any commit: without them there was none.
        """
        made = self._journal.made(patient.number)
        if makes_keys(self._profile) and not made:
            return False
        rows = with_made(self._rows(patient), self._profile, made)
        found = self._database.found_of(rows, after_writers=True)
        return _all_or_nothing(found, rows)

    def _left(self, patient: PlannedPatient | None) -> bool:
        """Whether no row of who is gone is in the target any more. One that is there was not deleted, whatever
        somebody made of it since: the attempt is undone, and the next one finds that it was worked with."""
        rows = self._standing(patient).rows(self._profile) if patient else ()
        return not self._database.found_of(rows, after_writers=True).under_keys

    def _undo(self, change: Change) -> Settled:
        self._store.remove_ours(self._journal.intent(change.number).files)
        failpoint("before-undone")
        self._journal.undone(change.number)
        failpoint("after-undone")
        return Settled.UNDONE

    def _roll_forward(self, change: Change, prepare: Prepare) -> Settled:
        found = {file: self._store.presence(file) for file in self._journal.intent(change.number).files}
        if Presence.FOREIGN in found.values():
            raise Failure(Kind.PERMANENT, "the rows are committed and a file at a planned path is not ours")
        if Presence.ABSENT in found.values():
            failpoint("before-forward")
            prepared = prepare(change)
            missing = [pair for pair in prepared.files if found[pair[1]] is Presence.ABSENT]
            self._store.link(self.incoming, missing)
            self._discard(prepared)
            failpoint("before-forward-done")
        self._done(change)
        return Settled.COMMITTED

    def _done(self, change: Change) -> None:
        """Step 6, once nothing of the patient who left is on the disk. A file that is not ours any more stays."""
        if change.leaves:
            for path in self._store.remove_ours(_files(change.leaves), "after-old-file"):
                notice = Notice(FindingCode.STRAY_FILE, place=path, detail="its content was changed since; left alone")
                self._noticed(change, notice)
        self._journal.done(change.number)

    def _refuse_worked_with(self, patient: PlannedPatient) -> None:
        standing, mentioned = self._standing(patient), self._stood.mentioned
        if what := leaving.what_changed(standing, self._profile, self._database, mentioned):
            raise leaving.changed(what)

    def _standing(self, patient: PlannedPatient) -> Standing:
        return Standing(patient, self._journal.made(patient.number))

    def _rows(self, patient: PlannedPatient | None) -> tuple[Row, ...]:
        return planned_rows(patient, self._profile) if patient else ()

    def _discard(self, prepared: Prepared) -> None:
        """Makes room early. What cannot be removed now goes with the incoming folder."""
        for name, _ in prepared.files:
            with suppress(OSError):
                (self.incoming / name).unlink(missing_ok=True)


def _files(patient: PlannedPatient | None) -> tuple[PlannedFile, ...]:
    return planned_files(patient) if patient else ()


def _all_or_nothing(found: Found, rows: tuple[Row, ...]) -> bool:
    """Whether the rows are there. Raises Failure where some of them are, or others."""
    if found.under_keys and found.equal != len(rows):
        raise Failure(Kind.PERMANENT, "rows that are not ours stand under planned keys; nothing was touched")
    return bool(found.under_keys)
