"""Writes plan.sqlite: beside its place, and moved there whole, so a plan is complete or is not there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.plan.digests import PlanDigest, patient_digest
from engine.plan.reader import damage_explained
from engine.plan.values import PlanHeader, PlannedImage, PlannedPatient, PlanTotals, Round, SkippedImage
from engine.target.disk import sync_folders
from engine.target.keys import ENTITIES
from engine.target.notice import Notice
from protocol.vocabulary import FindingCode

_SCHEMA: Final = """
CREATE TABLE header (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE patient (
    number INTEGER PRIMARY KEY, source_key TEXT NOT NULL, chart_number TEXT, studies INTEGER NOT NULL,
    series INTEGER NOT NULL, images INTEGER NOT NULL, skipped INTEGER NOT NULL, bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL, rows_digest TEXT NOT NULL, source_digest TEXT NOT NULL, record BLOB NOT NULL,
    keys BLOB NOT NULL, digest TEXT NOT NULL, leaves_with INTEGER);
CREATE UNIQUE INDEX one_staying ON patient (source_key) WHERE leaves_with IS NULL;
CREATE TABLE image (
    number INTEGER NOT NULL REFERENCES patient, position INTEGER NOT NULL, source_key TEXT NOT NULL,
    target_key INTEGER NOT NULL, uid TEXT NOT NULL, source_path TEXT NOT NULL, source_size INTEGER,
    source_sha256 TEXT, path TEXT, size INTEGER, sha256 TEXT, integrity TEXT, skipped TEXT, source_modified INTEGER,
    PRIMARY KEY (number, position)) WITHOUT ROWID;
CREATE TABLE notice (
    number INTEGER NOT NULL REFERENCES patient, code TEXT NOT NULL, image TEXT, place TEXT, detail TEXT);
CREATE TABLE source_file (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP VIEW staying AS
    SELECT image.*, patient.source_key AS patient FROM image JOIN patient USING (number) WHERE leaves_with IS NULL;
CREATE TEMP TABLE unmade (number INTEGER PRIMARY KEY);
CREATE TEMP TABLE kept (number INTEGER PRIMARY KEY);
CREATE TEMP TABLE touched (
    number INTEGER, source_key TEXT, size INTEGER, modified INTEGER, PRIMARY KEY (number, source_key)) WITHOUT ROWID;
"""
# Who came with a change that was made, and who did not leave yet with one that was not.
_BASE: Final = (
    "CREATE TEMP VIEW base AS SELECT * FROM old.patient WHERE"
    " CASE WHEN leaves_with IS NULL THEN number NOT IN (SELECT number FROM unmade)"
    " ELSE leaves_with IN (SELECT number FROM unmade) END"
)
# Looked up once for each patient of the source: without it every look would go through the whole earlier plan.
_STANDING: Final = (
    "CREATE TEMP TABLE standing (source_key TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO standing SELECT source_key, number FROM base",
)
_PATIENT: Final = (
    "source_key, chart_number, studies, series, images, skipped, bytes, rows, rows_digest, source_digest, record,"
    " keys, digest"
)
_TOTALS: Final = (
    "SELECT COUNT(*), SUM(studies), SUM(series), SUM(images), SUM(skipped), SUM(bytes), SUM(rows) FROM patient"
    " WHERE leaves_with IS NULL AND number >= ?"
)


@dataclass(frozen=True, slots=True)
class Base:
    """What the target holds when a top-up is planned: the patients of the plan at `path`, but for its `unmade` changes.

    `digest` names the plan whose changes the journal knows. `handed_out` is the largest key per entity that was ever
    planned, `first` the first number that never was; `files` is how many files of this run the target holds.
    """

    path: Path
    digest: str
    unmade: frozenset[int]
    target_profile: str
    first: int
    handed_out: Mapping[str, int]
    rounds: tuple[Round, ...]
    files: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """A patient as an earlier plan planned it; `files` are path, bytes and modification time (ns) of its images."""

    number: int
    record: bytes
    source_digest: str
    files: tuple[tuple[str, int | None, int | None], ...]


class PlanWriter:
    """Writes a plan beside `path`; `finish` moves it there whole. A top-up's plan builds on `base`.

    Every patient of the source is either added or kept; then `carry_over` completes the plan with the kept ones, and
    with those that leave the target.
    """

    def __init__(self, path: Path, header: PlanHeader, base: Base | None = None) -> None:
        self._path, self._fresh, self._header, self._base = path, path.with_suffix(".new"), header, base
        for leftover in (self._fresh, self._fresh.with_name(self._fresh.name + "-journal")):
            leftover.unlink(missing_ok=True)
        self._keys = {entity: header.handed_out.get(entity, header.baseline[entity]) for entity in ENTITIES}
        with damage_explained(self._fresh):
            self._database = sqlite3.connect(f"{self._fresh.resolve().as_uri()}", uri=True, isolation_level=None)
            self._database.executescript(f"PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; {_SCHEMA}")
            self._attach()
            self._database.execute("BEGIN")
        self._put("header", header)

    def _attach(self) -> None:
        """The patients that the target holds are seen as the view `base`, and their images in `old.image`."""
        if self._base is None:
            return
        self._database.execute("ATTACH ? AS old", (f"{self._base.path.resolve().as_uri()}?mode=ro",))
        self._database.executemany("INSERT INTO unmade VALUES (?)", ((number,) for number in self._base.unmade))
        for statement in (_BASE, *_STANDING):
            self._database.execute(statement)

    def add(self, patient: PlannedPatient, notices: Iterable[Notice] = ()) -> None:
        """The next patient that must be written, and what was noticed of it; numbers must rise."""
        self._add_patient(patient)
        self._database.executemany(f"INSERT INTO image VALUES ({','.join('?' * 14)})", _image_rows(patient))  # noqa: S608
        rows = ((patient.number, notice.code, notice.image, notice.place, notice.detail) for notice in notices)
        self._database.executemany("INSERT INTO notice VALUES (?,?,?,?,?)", rows)
        for entity in ENTITIES:
            self._keys[entity] = max((self._keys[entity], *patient.keys.of(entity).values()))

    def _add_patient(self, patient: PlannedPatient) -> None:
        person = patient.record.patient
        self._database.execute(
            f"INSERT INTO patient (number, {_PATIENT}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
            (
                patient.number,
                person.key,
                person.chart_number,
                len(patient.record.studies),
                len(patient.record.series),
                len(patient.images),
                len(patient.skipped),
                patient.bytes,
                patient.rows,
                patient.rows_digest,
                patient.source_digest,
                msgspec.json.encode(patient.record),
                msgspec.json.encode(patient.keys),
                patient_digest(patient),
            ),
        )

    def earlier(self, source_key: str) -> Earlier | None:
        """The patient as the target holds it, if it does."""
        if self._base is None:
            return None
        query = (
            "SELECT number, record, source_digest FROM base"
            " WHERE number = (SELECT number FROM standing WHERE source_key = ?)"
        )
        found = self._database.execute(query, (source_key,)).fetchone()
        if found is None:
            return None
        files = self._database.execute(
            "SELECT source_path, source_size, source_modified FROM old.image WHERE number = ? ORDER BY position",
            found[:1],
        )
        number, record, source_digest = found
        return Earlier(number, record, source_digest, tuple(files))

    def keep(self, number: int, touched: PlannedPatient | None = None) -> None:
        """This patient of the base stays as it is. `touched`: its files were written again with the same content."""
        self._database.execute("INSERT INTO kept VALUES (?)", (number,))
        if touched is not None:
            images: tuple[PlannedImage | SkippedImage, ...] = (*touched.images, *touched.skipped)
            rows = ((number, image.source_key, image.source_size, image.source_modified) for image in images)
            self._database.executemany("INSERT INTO touched VALUES (?,?,?,?)", rows)

    def carry_over(self) -> None:
        """Completes a top-up's plan: who is kept is copied, whoever else the target holds leaves it."""
        if self._base is None:
            return
        for statement in (*_KEEP, *_LEAVE):
            self._database.execute(statement, {"last": self._last_number()})

    def _last_number(self) -> int:
        query = "SELECT MAX(MAX(number), COALESCE(MAX(leaves_with), 0)) FROM patient"
        (last,) = self._database.execute(query).fetchone()
        return max(last or 0, self._header.first - 1)

    def kept_notices(self) -> Iterator[tuple[str, int, Notice]]:
        """Source key, number of images and notice, for everything that was noticed of the patients kept."""
        query = (
            "SELECT source_key, images + skipped, code, image, place, detail FROM notice JOIN patient USING (number)"
            " JOIN kept USING (number) ORDER BY notice.rowid"
        )
        for key, images, code, *rest in self._database.execute(query):
            yield key, images, Notice(FindingCode(code), *rest)

    def kept_skipped(self) -> Mapping[FindingCode, int]:
        """How many images of the patients kept are declared and not converted, by the finding that says why."""
        query = "SELECT skipped, COUNT(*) FROM image JOIN kept USING (number) WHERE skipped IS NOT NULL GROUP BY 1"
        return {FindingCode(code): count for code, count in self._database.execute(query)}

    def leaving(self) -> list[int]:
        """The numbers of the patients that leave the target."""
        found = self._database.execute("SELECT number FROM patient WHERE leaves_with IS NOT NULL ORDER BY number")
        return [number for (number,) in found]

    def duplicate_charts(self) -> Iterator[tuple[str, str]]:
        """Source key and chart number of every patient who shares the chart number with another one."""
        yield from self._database.execute(
            "SELECT source_key, chart_number FROM patient WHERE leaves_with IS NULL AND chart_number IN"
            " (SELECT chart_number FROM patient WHERE chart_number <> '' AND leaves_with IS NULL"
            " GROUP BY chart_number HAVING COUNT(*) > 1) ORDER BY number"
        )

    def duplicate_uids(self) -> Iterator[tuple[str, str, str]]:
        """Patient and image source key, and UID, of every image whose UID another image claims too."""
        yield from self._database.execute(
            "SELECT patient, source_key, uid FROM staying WHERE uid IN"
            " (SELECT uid FROM staying GROUP BY uid HAVING COUNT(*) > 1) ORDER BY number, position"
        )

    def already_there(self, uids: Iterable[str]) -> Iterator[tuple[str, str, str]]:
        """Patient and image source key, and UID, of every image to be written that is among `uids`, those of the
        target, although no earlier plan put it there."""
        self._database.execute("CREATE TEMP TABLE there (uid TEXT PRIMARY KEY) WITHOUT ROWID")
        self._database.executemany("INSERT OR IGNORE INTO there VALUES (?)", ((uid,) for uid in uids))
        yield from self._database.execute(
            "SELECT patient, source_key, uid FROM staying JOIN there USING (uid) WHERE number >= :first"
            " AND uid NOT IN (SELECT uid FROM image WHERE number < :first) ORDER BY number, position",
            {"first": self._header.first},
        )

    def shared_paths(self) -> Iterator[tuple[str, str, str]]:
        """Patient and image source key, and target path, of every image whose path another has too, case aside."""
        yield from self._database.execute(
            "SELECT patient, source_key, path FROM staying WHERE LOWER(path) IN"
            " (SELECT LOWER(path) FROM staying GROUP BY LOWER(path) HAVING COUNT(*) > 1) ORDER BY number, position"
        )

    def case_twins(self) -> Iterator[tuple[str, str, str]]:
        """Patient and image source key, and source path, of every image whose file another's differs from in case."""
        yield from self._database.execute(
            "SELECT patient, source_key, source_path FROM staying WHERE LOWER(source_path) IN"
            " (SELECT LOWER(source_path) FROM staying GROUP BY LOWER(source_path)"
            " HAVING COUNT(DISTINCT source_path) > 1) ORDER BY number, position"
        )

    def add_source_files(self, paths: Iterable[str]) -> None:
        """Paths below the source store that some row of the source speaks of, converted or not."""
        self._database.executemany("INSERT OR IGNORE INTO source_file VALUES (?)", ((path,) for path in paths))

    @property
    def totals(self) -> PlanTotals:
        """Everything the target shall hold."""
        return self._totals(0)

    @property
    def work(self) -> PlanTotals:
        """What this plan adds to the target."""
        return self._totals(self._header.first)

    @property
    def round(self) -> Round:
        """What this plan changes."""
        kept, coming, leaving, both = self._database.execute(_ROUND, {"first": self._header.first}).fetchone()
        return Round(kept, both, coming - both, leaving - both)

    def finish(self) -> None:
        """Makes the plan durable and moves it to its place, replacing an earlier one."""
        rounds = (*(self._base.rounds if self._base else ()), self.round)
        self._put("totals", self.totals)
        self._put("digest", self._digest())
        self._put("rounds", rounds)
        self._put("last_number", self._last_number())
        self._put("last_keys", self._keys)
        with damage_explained(self._path):
            self._database.execute("COMMIT")
            self._database.close()
            with self._fresh.open("r+b") as file:
                os.fsync(file.fileno())
            self._fresh.replace(self._path)
            sync_folders([self._path.parent])

    def abandon(self) -> None:
        """Closes and removes the unfinished plan."""
        self._database.close()
        self._fresh.unlink(missing_ok=True)

    def _digest(self) -> str:
        digest = PlanDigest(self._header)
        for patient, leaves_with in self._database.execute("SELECT digest, leaves_with FROM patient ORDER BY number"):
            digest.add(patient, leaves_with)
        return digest.hexdigest()

    def _totals(self, first: int) -> PlanTotals:
        return PlanTotals(*(count or 0 for count in self._database.execute(_TOTALS, (first,)).fetchone()))

    def _put(self, name: str, value: object) -> None:
        self._database.execute("INSERT INTO header VALUES (?,?)", (name, msgspec.json.encode(value).decode()))


_KEEP: Final = (
    f"INSERT INTO patient (number, {_PATIENT}) SELECT number, {_PATIENT} FROM base JOIN kept USING (number)",  # noqa: S608
    "INSERT INTO image SELECT image.* FROM old.image JOIN kept USING (number)",
    "INSERT INTO notice SELECT notice.* FROM old.notice JOIN kept USING (number)",
    "UPDATE image SET source_size = touched.size, source_modified = touched.modified FROM touched"
    " WHERE touched.number = image.number AND touched.source_key = image.source_key",
)
# Who is written again leaves in the change in which the successor comes; who is gone, in a change after all others.
_LEAVE: Final = (
    f"INSERT INTO patient (number, {_PATIENT}, leaves_with)"  # noqa: S608
    f" SELECT base.number, {', '.join(f'base.{name}' for name in _PATIENT.split(', '))}, patient.number"
    " FROM base JOIN patient ON patient.source_key = base.source_key AND patient.leaves_with IS NULL"
    " WHERE base.number NOT IN (SELECT number FROM kept)",
    f"INSERT INTO patient (number, {_PATIENT}, leaves_with)"  # noqa: S608
    f" SELECT number, {_PATIENT}, :last + ROW_NUMBER() OVER (ORDER BY number)"
    " FROM base WHERE number NOT IN (SELECT number FROM patient)",
    "INSERT INTO image SELECT image.* FROM old.image JOIN patient USING (number) WHERE leaves_with IS NOT NULL",
    "INSERT INTO notice SELECT notice.* FROM old.notice JOIN patient USING (number) WHERE leaves_with IS NOT NULL",
)
_ROUND: Final = """
SELECT COUNT(*) FILTER (WHERE leaves_with IS NULL AND number < :first),
       COUNT(*) FILTER (WHERE leaves_with IS NULL AND number >= :first),
       COUNT(*) FILTER (WHERE leaves_with IS NOT NULL),
       COUNT(*) FILTER (WHERE leaves_with IN (SELECT number FROM patient))
FROM patient
"""


def _image_rows(patient: PlannedPatient) -> Iterator[tuple[Any, ...]]:
    uids = {image.key: image.uid for image in patient.record.images}
    planned: Mapping[str, PlannedImage] = {image.source_key: image for image in patient.images}
    skipped = {image.source_key: image for image in patient.skipped}
    for position, key in enumerate(uids):
        if image := planned.get(key):
            source: tuple[Any, ...] = (image.source_path, image.source_size, image.source_sha256)
            target: tuple[Any, ...] = (image.path, image.size, image.sha256, image.integrity, None)
            yield (patient.number, position, key, image.target_key, uids[key], *source, *target, image.source_modified)
        else:
            left = skipped[key]
            source = (left.source_path, left.source_size, left.source_sha256)
            target = (None, None, None, None, left.code)
            yield (patient.number, position, key, left.target_key, uids[key], *source, *target, left.source_modified)
