"""The source as the reconciler sees it: the profile's queries run again, merged patient by patient by own code."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from engine.profiles.schema import SourceProfile
from engine.reconcile.forms import SourceForm
from engine.reconcile.normal import Facts
from engine.reconcile.reading import Database, Row
from engine.reconcile.source_paths import path_from
from protocol.errors import UsageProblem


@dataclass(frozen=True, slots=True)
class SourceNode:
    """A study or a series: its key, the key of what it belongs to, and the facts the target should hold."""

    key: str
    parent: str
    facts: Facts
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceImage:
    """One image's row: where its file stands below the store, how it is turned, and what the target should hold."""

    key: str
    series: str
    facts: Facts
    file: str
    rotation: Any
    mirrored: Any
    acquired_at: datetime | None

    @property
    def uid(self) -> str:
        return self.facts["uid"] or ""


@dataclass(frozen=True, slots=True)
class SourcePatient:
    """One patient and everything that belongs to the patient; `orphans` are image rows that belong to no series."""

    key: str
    facts: Facts
    person: str
    studies: tuple[SourceNode, ...]
    series: tuple[SourceNode, ...]
    images: tuple[SourceImage, ...]
    orphans: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class SourceTotals:
    """What the audit counts: everything there is, and what the profile declares not to be converted."""

    patients: int
    images: int
    excluded_patients: int
    excluded_images: int
    annotations: int

    @property
    def wanted_patients(self) -> int:
        return self.patients - self.excluded_patients

    @property
    def wanted_images(self) -> int:
        return self.images - self.excluded_images


class SourceView:
    """Asks a staging database, by a source profile, for what the target should hold.

    `lost_images` are keys of image rows that belong to no patient, known once `patients` has come to its end.
    """

    def __init__(self, database: Database, profile: SourceProfile, form: SourceForm) -> None:
        self._database, self._profile, self._form = database, profile, form
        self.lost_images: list[str] = []

    def totals(self) -> SourceTotals:
        """The audit's own counts; they come from questions written apart from the entity queries."""
        audit, count = self._profile.audit, self._database.count
        excluded = {
            entity: sum(count(query) for query in reasons.values()) for entity, reasons in audit.excluded.items()
        }
        return SourceTotals(
            count(audit.patients),
            count(audit.images),
            excluded.get("patients", 0),
            excluded.get("images", 0),
            count(audit.annotations),
        )

    def patients(self) -> Generator[SourcePatient]:
        """Every patient, streamed in the source's order. Raises UsageProblem if a query comes in another order."""
        with ExitStack() as stack:
            known = frozenset(str(row["key"]) for row in self._rows("patient", stack))
            devices = {str(row["key"]): dict(row) for row in self._rows("device", stack)}
            streams = {name: _Groups(name, self._rows(name, stack), known) for name in ("study", "series", "image")}
            for row in self._rows("patient", stack):
                groups = {name: stream.take(str(row["key"])) for name, stream in streams.items()}
                yield self._patient(row, groups, devices)
            for stream in streams.values():
                stream.finish()
            self.lost_images = streams["image"].lost

    def _rows(self, entity: str, stack: ExitStack) -> Iterator[Row]:
        return stack.enter_context(closing(self._database.rows(self._profile.entities[entity].query)))

    def _patient(self, row: Row, groups: Mapping[str, list[Row]], devices: Mapping[str, Row]) -> SourcePatient:
        form = self._form
        studies = tuple(self._study(r, str(row["key"])) for r in groups["study"])
        series = tuple(SourceNode(str(r["key"]), str(r["study_key"]), form.series(r)) for r in groups["series"])
        homes = {node.key for node in series}
        images = [self._image(r, devices) for r in groups["image"]]
        facts = form.patient(row)
        return SourcePatient(
            str(row["key"]),
            facts,
            f"{facts['family_name'] or ''}^{facts['given_name'] or ''}",
            studies,
            series,
            tuple(image for image in images if image.series in homes),
            tuple(image.key for image in images if image.series not in homes),
        )

    def _study(self, row: Row, patient: str) -> SourceNode:
        started = self._form.time_or_none("started_at", row["started_at"])
        return SourceNode(str(row["key"]), patient, self._form.study(row), started)

    def _image(self, row: Row, devices: Mapping[str, Row]) -> SourceImage:
        device = devices.get(str(row["device_key"]), {})
        return SourceImage(
            str(row["key"]),
            str(row["series_key"]),
            self._form.image(row, device),
            path_from(self._profile.files.resolve, row) or "",
            row["rotation"],
            row["mirrored"],
            self._form.time_or_none("acquired_at", row["acquired_at"]),
        )


class _Groups:
    """Rows of one query, handed out patient by patient; groups of patients nobody knows are passed over."""

    def __init__(self, entity: str, rows: Iterator[Row], known: frozenset[str]) -> None:
        self._entity, self._known = entity, known
        self.lost: list[str] = []
        self._groups = groupby(rows, key=lambda row: str(row["patient_key"]))
        self._next: tuple[str, list[Row]] | None = None
        self._advance()

    def take(self, patient: str) -> list[Row]:
        """The patient's rows, if they are next."""
        if self._next is None or self._next[0] != patient:
            return []
        rows = self._next[1]
        self._advance()
        return rows

    def finish(self) -> None:
        """Nothing may be left; rows left over came in another order than the patients did."""
        if self._next is not None:
            raise UsageProblem(
                f"entities.{self._entity}: rows do not come in the order of the patients",
                where="source profile",
                next_step="order this query by the patient's key first",
            )

    def _advance(self) -> None:
        for key, rows in self._groups:
            if key in self._known:
                self._next = key, [dict(row) for row in rows]
                return
            self.lost += (str(row["key"]) for row in rows)
        self._next = None
