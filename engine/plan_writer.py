"""Writes plan.sqlite: beside its place, and moved there whole, so a plan is complete or is not there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.plan import PlanDigest, PlanHeader, PlannedPatient, PlanTotals, damage_explained

_SCHEMA: Final = """
CREATE TABLE header (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE patient (
    number INTEGER PRIMARY KEY, source_key TEXT NOT NULL UNIQUE, chart_number TEXT, studies INTEGER NOT NULL,
    series INTEGER NOT NULL, images INTEGER NOT NULL, skipped INTEGER NOT NULL, bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL, rows_digest TEXT NOT NULL, source_digest TEXT NOT NULL, record BLOB NOT NULL,
    keys BLOB NOT NULL);
CREATE TABLE image (
    number INTEGER NOT NULL REFERENCES patient, position INTEGER NOT NULL, source_key TEXT NOT NULL,
    target_key INTEGER NOT NULL, uid TEXT NOT NULL, source_path TEXT NOT NULL, source_size INTEGER,
    source_sha256 TEXT, path TEXT, size INTEGER, sha256 TEXT, integrity TEXT, skipped TEXT,
    PRIMARY KEY (number, position)) WITHOUT ROWID;
CREATE TABLE source_file (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class PlanWriter:
    """Writes a plan beside `path`; `finish` moves it there whole."""

    def __init__(self, path: Path, header: PlanHeader) -> None:
        self._path, self._fresh = path, path.with_suffix(".new")
        for leftover in (self._fresh, self._fresh.with_name(self._fresh.name + "-journal")):
            leftover.unlink(missing_ok=True)
        self._digest = PlanDigest(header)
        self._totals = PlanTotals()
        with damage_explained(self._fresh):
            self._database = sqlite3.connect(self._fresh, isolation_level=None)
            self._database.executescript(f"PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; {_SCHEMA} BEGIN")
        self._put("header", header)

    def add(self, patient: PlannedPatient) -> None:
        """The next patient; numbers must rise."""
        self._digest.add(patient)
        self._add_patient(patient, patient.source_digest)
        self._database.executemany(f"INSERT INTO image VALUES ({','.join('?' * 13)})", _image_rows(patient))  # noqa: S608
        self._totals += PlanTotals.of(patient)

    def _add_patient(self, patient: PlannedPatient, source_digest: str) -> None:
        person = patient.record.patient
        self._database.execute(
            "INSERT INTO patient VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
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
                source_digest,
                msgspec.json.encode(patient.record),
                msgspec.json.encode(patient.keys),
            ),
        )

    def duplicate_charts(self) -> Iterator[tuple[str, str]]:
        """Source key and chart number of every patient who shares the chart number with another one."""
        yield from self._database.execute(
            "SELECT source_key, chart_number FROM patient WHERE chart_number IN"
            " (SELECT chart_number FROM patient WHERE chart_number <> '' GROUP BY chart_number HAVING COUNT(*) > 1)"
            " ORDER BY number"
        )

    def duplicate_uids(self) -> Iterator[tuple[str, str, str]]:
        """Patient and image source key, and UID, of every image whose UID another image claims too."""
        yield from self._database.execute(
            "SELECT p.source_key, i.source_key, i.uid FROM image AS i JOIN patient AS p USING (number) WHERE i.uid IN"
            " (SELECT uid FROM image GROUP BY uid HAVING COUNT(*) > 1) ORDER BY i.number, i.position"
        )

    def add_source_files(self, paths: Iterable[str]) -> None:
        """Paths below the source store that some row of the source speaks of, converted or not."""
        self._database.executemany("INSERT OR IGNORE INTO source_file VALUES (?)", ((path,) for path in paths))

    def names_source(self, path: str) -> bool:
        """Whether some row of the source speaks of this file of its store."""
        found = self._database.execute("SELECT 1 FROM source_file WHERE path = ?", (path,))
        return found.fetchone() is not None

    @property
    def totals(self) -> PlanTotals:
        """What was added so far."""
        return self._totals

    @property
    def digest(self) -> str:
        """The digest of what was added so far."""
        return self._digest.hexdigest()

    def finish(self) -> None:
        """Makes the plan durable and moves it to its place, replacing an earlier one."""
        self._put("totals", self._totals)
        self._put("digest", self.digest)
        with damage_explained(self._path):
            self._database.execute("COMMIT")
            self._database.close()
            with self._fresh.open("r+b") as file:
                os.fsync(file.fileno())
            self._fresh.replace(self._path)

    def abandon(self) -> None:
        """Closes and removes the unfinished plan."""
        self._database.close()
        self._fresh.unlink(missing_ok=True)

    def _put(self, name: str, value: object) -> None:
        self._database.execute("INSERT INTO header VALUES (?,?)", (name, msgspec.json.encode(value).decode()))


def _image_rows(patient: PlannedPatient) -> Iterator[tuple[Any, ...]]:
    uids = {image.key: image.uid for image in patient.record.images}
    planned = {image.source_key: image for image in patient.images}
    skipped = {image.source_key: image for image in patient.skipped}
    for position, key in enumerate(uids):
        if image := planned.get(key):
            source = (image.source_path, image.source_size, image.source_sha256)
            target = (image.path, image.size, image.sha256, image.integrity)
            yield (patient.number, position, key, image.target_key, uids[key], *source, *target, None)
        else:
            left = skipped[key]
            unknown = (None,) * 6
            yield (patient.number, position, key, left.target_key, uids[key], left.source_path, *unknown, left.code)
