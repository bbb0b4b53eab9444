"""A complete plan, read. The file is opened for reading only; only `writer` ever makes one."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from operator import add, itemgetter
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from engine.meanings import sqlite
from engine.meanings.databases import of_own_file, told
from engine.model import PatientRecord
from engine.numbers import Numbers
from engine.plan.digests import PlanDigest, patient_digest
from engine.plan.values import (
    Change,
    Held,
    PlanHeader,
    PlannedImage,
    PlannedPatient,
    PlanTotals,
    Round,
    SkippedImage,
)
from engine.source.content import FileRead
from engine.target.keys import Keys
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import FindingCode, Refusal

T = TypeVar("T")

_STAYING: Final = "SELECT number FROM patient WHERE leaves_with IS NULL"
_READ: Final = "FROM image JOIN patient USING (number) WHERE leaves_with IS NULL AND source_sha256 IS NOT NULL"
_HELD: Final = (
    "SELECT number, keys, target_key, path, size FROM patient"
    " LEFT JOIN (SELECT number, target_key, path, size FROM image WHERE skipped IS NULL) USING (number) ORDER BY number"
)
_NAMED: Final = "SELECT path FROM source_file WHERE path IN (SELECT value FROM json_each(?))"
_LEAVING: Final = "SELECT leaves_with, number FROM patient WHERE leaves_with IS NOT NULL"


class Plan:
    """A complete plan, read-only. `digest` names it: two plans with one digest plan the same."""

    def __init__(self, path: Path) -> None:
        """Opens the plan. Raises Refused if there is none, EnvironmentProblem if it is damaged."""
        if not path.is_file():
            raise Refused(
                Refusal.EVIDENCE_MISSING, "there is no plan", where=path.name, next_step="run dry-run, which makes it"
            )
        self._path = path
        with damage_explained(path):
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            self.header = self._get("header", PlanHeader)
            self.totals = self._get("totals", PlanTotals)
            self.digest = self._get("digest", str)
            self.rounds = self._get("rounds", tuple[Round, ...])
            self.last_number = self._get("last_number", int)
            self.last_keys = self._get("last_keys", dict[str, int])
            self._leaving = dict(self._database.execute(_LEAVING).fetchall())

    def require(self, run: str, source_profile: str, target_profile: str) -> None:
        """Raises Refused unless the plan was made by this run with these profiles (digests)."""
        found = (self.header.run, self.header.source_profile, self.header.target_profile)
        if found != (run, source_profile, target_profile):
            what = "the plan belongs to another run" if found[0] != run else "a profile changed since the plan was made"
            reason = Refusal.WRONG_RUN if found[0] != run else Refusal.EVIDENCE_NOT_NEWEST
            raise Refused(reason, what, where=self._path.name, next_step="run dry-run again")

    def require_untouched(self) -> None:
        """Raises Refused unless the plan still says what it said when it was made."""
        digest = PlanDigest(self.header)
        leaves_with = {number: change for change, number in self._leaving.items()}
        for number in sorted((*self.numbers(), *leaves_with)):
            digest.add(patient_digest(self.patient(number)), leaves_with.get(number))
        if digest.hexdigest() != self.digest:
            raise Refused(
                Refusal.EVIDENCE_NOT_NEWEST,
                "the plan was changed after the dry run made it",
                where=self._path.name,
                next_step="run dry-run again",
            )

    def numbers(self) -> Sequence[int]:
        """The numbers of all patients that the target shall hold, those with most bytes first. Eight bytes each."""
        with damage_explained(self._path):
            rows = self._database.execute(f"{_STAYING} ORDER BY bytes DESC, number")
            return array("q", (number for (number,) in rows))

    def changes(self) -> Sequence[int]:
        """The numbers of all changes that this plan makes: patients that come, most bytes first, then those gone."""
        coming = array("q", (number for number in self.numbers() if number >= self.header.first))
        gone = self._leaving.keys() - set(coming) if self._leaving else ()
        return coming + array("q", sorted(gone))

    def leaving(self) -> dict[int, int]:
        """The patients that leave the target: number of the change to number of the patient."""
        return dict(self._leaving)

    def change(self, number: int) -> Change:
        """The change with this number."""
        leaves = self._leaving.get(number)
        comes = self.patient(number) if leaves is None or self._holds(number) else None
        return Change(number, comes, None if leaves is None else self.patient(leaves))

    def new_keys(self, entity: str) -> range:
        """The keys that this plan gave to one of the entities, first to last."""
        before = max(self.header.baseline[entity], self.header.handed_out.get(entity, 0))
        return range(before + 1, self.last_keys[entity] + 1)

    def held(self) -> Iterator[Held]:
        """Every patient of the plan, also those that leave, in the order of their numbers; no record is read."""
        with damage_explained(self._path):
            for number, found in groupby(self._database.execute(_HELD), key=itemgetter(0)):
                rows = tuple(found)
                images = tuple(row[2:] for row in rows if row[2] is not None)
                yield Held(number, msgspec.json.decode(rows[0][1], type=Keys), images)

    def source_files(self, after: int = 0) -> Iterator[tuple[int, tuple[FileRead, ...]]]:
        """The source files that the dry run could read, patient by patient, of those whose number is above `after`.

        Patients who leave the target are not among them: their files may be gone.
        """
        with damage_explained(self._path):
            rows = self._database.execute(
                f"SELECT number, source_path, source_sha256 {_READ} AND number > ? ORDER BY number, position",
                (after,),
            )
            for number, images in groupby(rows, key=itemgetter(0)):
                yield number, tuple(FileRead(path, sha256) for _, path, sha256 in images)

    def source_file_counts(self) -> tuple[int, int]:
        """How many times the dry run read a source file, one for each image, and how many files these are."""
        with damage_explained(self._path):
            images, files = self._database.execute(f"SELECT COUNT(*), COUNT(DISTINCT source_path) {_READ}").fetchone()
        return images, files

    def named_sources(self, paths: Sequence[str]) -> frozenset[str]:
        """Those of some files of the source's store of which a row of it speaks, converted or not."""
        with damage_explained(self._path):
            found = self._database.execute(_NAMED, (msgspec.json.encode(paths).decode(),))
            return frozenset(path for (path,) in found)

    def files_held(self, unmade: Collection[int]) -> int:
        """How many files the target holds where the changes `unmade` are not made and all others are."""
        waiting = frozenset(unmade)
        with damage_explained(self._path):
            found = self._database.execute("SELECT number, leaves_with, images FROM patient").fetchall()
        return sum(
            images
            for number, leaves_with, images in found
            if (leaves_with in waiting if leaves_with is not None else number not in waiting)
        )

    def round_made(self, unmade: Collection[int]) -> Round:
        """What this plan changed in truth, where its changes `unmade` were not made."""
        made = frozenset(self.changes()).difference(unmade)
        coming = made.intersection(self.numbers())
        changed = len(coming.intersection(self._leaving))
        return replace(self.rounds[-1], changed=changed, new=len(coming) - changed, gone=len(made) - len(coming))

    @property
    def work(self) -> PlanTotals:
        """How much this plan adds to the target."""
        return self._totals_where(lambda number: number >= self.header.first)

    def totals_of(self, numbers: Numbers) -> PlanTotals:
        """How much is planned for those of these patients that the target shall hold."""
        return self._totals_where(numbers.__contains__)

    def _totals_where(self, wanted: Callable[[int], bool]) -> PlanTotals:
        total = PlanTotals().counts
        query = "SELECT number, 1, studies, series, images, skipped, bytes, rows FROM patient WHERE leaves_with IS NULL"
        with damage_explained(self._path):
            for number, *counts in self._database.execute(query):
                if wanted(number):
                    total = tuple(map(add, total, counts))
        return PlanTotals(*total)

    def patient(self, number: int) -> PlannedPatient:
        """The patient with this number."""
        with damage_explained(self._path):
            record, keys, rows, rows_digest = self._database.execute(
                "SELECT record, keys, rows, rows_digest FROM patient WHERE number = ?", (number,)
            ).fetchone()
            images = self._database.execute(
                "SELECT * FROM image WHERE number = ? ORDER BY position", (number,)
            ).fetchall()
            return PlannedPatient(
                number,
                msgspec.json.decode(record, type=PatientRecord),
                msgspec.json.decode(keys, type=Keys),
                tuple(_planned(row) for row in images if row[12] is None),
                tuple(_skipped(row) for row in images if row[12] is not None),
                rows,
                rows_digest,
            )

    def close(self) -> None:
        self._database.close()

    def _holds(self, number: int) -> bool:
        with damage_explained(self._path):
            found = self._database.execute("SELECT 1 FROM patient WHERE number = ?", (number,)).fetchone()
        return found is not None

    def _get(self, name: str, kind: type[T]) -> T:
        ((text,),) = self._database.execute("SELECT value FROM header WHERE name = ?", (name,)).fetchall()
        return msgspec.json.decode(text, type=kind)


@contextmanager
def damage_explained(path: Path) -> Iterator[None]:
    """Translates what a damaged or unusable file makes SQLite say."""
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError, ValueError, TypeError) as problem:
        meaning = of_own_file(problem)
        raise EnvironmentProblem(
            told(meaning.what, problem),
            where=f"{path.name} in the job folder {path.parent}",
            next_step="run dry-run again; once a conversion has begun, restore it from backup instead"
            if meaning is sqlite.DAMAGED
            else meaning.next_with("run the same command again"),
        ) from problem


def _planned(row: tuple[Any, ...]) -> PlannedImage:
    _, _, key, target_key, _, source_path, source_size, source_sha256, path, size, sha256, integrity, _, modified = row
    return PlannedImage(
        key, target_key, source_path, source_size, source_sha256, path, size, sha256, integrity, modified
    )


def _skipped(row: tuple[Any, ...]) -> SkippedImage:
    return SkippedImage(row[2], row[3], row[5], FindingCode(row[12]), row[6], row[13], row[7])
