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
from engine.reconcile.model_names import ModelNames
from engine.reconcile.normal import Facts
from engine.reconcile.reading import Database, Row
from engine.reconcile.source_paths import path_from
from protocol.errors import UsageProblem


@dataclass(frozen=True, slots=True)
class SourceNode:
    """A study or a series: its key, the key of what it belongs to, the facts the target should hold, and those of the
    source itself, which are others where the target's profile makes something of them."""

    key: str
    parent: str
    facts: Facts
    plain: Facts
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
    plain: Facts

    @property
    def uid(self) -> str:
        return self.facts["uid"] or ""


@dataclass(frozen=True, slots=True)
class SourcePatient:
    """One patient and everything that belongs to the patient; `orphans` are image rows that belong to no series."""

    key: str
    facts: Facts
    plain: Facts
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
        self._names = ModelNames(profile)
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
        names = _RowNames(self._names if self._form.has_formulas else None, row, groups, devices)
        studies = tuple(self._study(r, str(row["key"]), names) for r in groups["study"])
        series = tuple(self._series(r, names) for r in groups["series"])
        homes = {node.key for node in series}
        images = [self._image(r, devices, names) for r in groups["image"]]
        plain = self._form.patient(row)
        return SourcePatient(
            str(row["key"]),
            self._form.wanted(plain, names.patient),
            plain,
            f"{plain['family_name'] or ''}^{plain['given_name'] or ''}",
            studies,
            series,
            tuple(image for image in images if image.series in homes),
            tuple(image.key for image in images if image.series not in homes),
        )

    def _study(self, row: Row, patient: str, names: _RowNames) -> SourceNode:
        plain, started = self._form.study(row), self._form.time_or_none("started_at", row["started_at"])
        return SourceNode(str(row["key"]), patient, self._form.wanted(plain, names.of_study(row)), plain, started)

    def _series(self, row: Row, names: _RowNames) -> SourceNode:
        plain = self._form.series(row)
        wanted = self._form.wanted(plain, names.of_series(row))
        return SourceNode(str(row["key"]), str(row["study_key"]), wanted, plain)

    def _image(self, row: Row, devices: Mapping[str, Row], names: _RowNames) -> SourceImage:
        plain = self._form.image(row, devices.get(str(row["device_key"]), {}))
        file = path_from(self._profile.files.resolve, row) or ""
        return SourceImage(
            str(row["key"]),
            str(row["series_key"]),
            self._form.wanted(plain, {**names.of_image(row), "image.file": file}),
            file,
            row["rotation"],
            row["mirrored"],
            self._form.time_or_none("acquired_at", row["acquired_at"]),
            plain,
        )


class _RowNames:
    """Names for one patient's rows, each with those of what it belongs to; none at all where no expression asks."""

    def __init__(
        self, names: ModelNames | None, patient: Row, groups: Mapping[str, list[Row]], devices: Mapping[str, Row]
    ) -> None:
        self._names, self._devices = names, devices
        self.patient = names.of("patient", patient) if names else {}
        self._studies = {str(row["key"]): row for row in groups["study"]} if names else {}
        self._series = {str(row["key"]): row for row in groups["series"]} if names else {}

    def of_study(self, row: Row | None) -> Mapping[str, Any]:
        return {**self.patient, **self._names.of("study", row)} if self._names and row else self.patient

    def of_series(self, row: Row | None) -> Mapping[str, Any]:
        if self._names is None or row is None:
            return self.patient
        return {**self.of_study(self._studies.get(str(row["study_key"]))), **self._names.of("series", row)}

    def of_image(self, row: Row) -> Mapping[str, Any]:
        if self._names is None:
            return {}
        above = self.of_series(self._series.get(str(row["series_key"])))
        device = self._names.of("device", self._devices.get(str(row["device_key"]), {}))
        return {**above, **device, **self._names.of("image", row)}


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
