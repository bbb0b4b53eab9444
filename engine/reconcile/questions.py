"""What to ask the workers about each image of a patient, of what source and target rows say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from engine.reconcile.image_values import ImageQuestion
from engine.reconcile.matching import Held
from engine.reconcile.native_reader import Value
from engine.reconcile.normal import Facts
from engine.reconcile.row_check import Lines
from engine.reconcile.source_view import SourceImage, SourcePatient
from engine.reconcile.target_view import VIEW_TEXT

# What a header may repeat of the rows, by the profile's expressions, and the fact it should repeat.
_FACTS: Final[Mapping[str, str]] = {
    "patient.family_name": "family_name",
    "patient.given_name": "given_name",
    "patient.middle_name": "middle_name",
    "patient.chart_number": "chart_number",
    "study.name": "study_name",
    "series.name": "series_name",
    "patient.sex": "sex",
    "image.uid": "uid",
    "image.category": "category",
    "device.manufacturer": "manufacturer",
    "device.model": "model",
    "device.serial_number": "serial_number",
}
_MOMENTS: Final = ("image.acquired_at", "study.started_at", "patient.birth_date")
NAMES: Final = frozenset({*_FACTS, *_MOMENTS, "image.number", "person()"}) | {
    f"key({entity})" for entity in ("patient", "study", "series", "image")
}


def questions(patient: SourcePatient, held: Held, lines: Lines) -> tuple[ImageQuestion, ...]:
    """One question for each image of the patient."""
    return tuple(_question(patient, image, held, lines) for image in patient.images)


def _question(patient: SourcePatient, image: SourceImage, held: Held, lines: Lines) -> ImageQuestion:
    key = held.images.get(image.key)
    said = lines.of_image(key) if key else {}
    return ImageQuestion(
        file=image.file,
        category=image.plain["category"],
        rotation=image.rotation,
        mirrored=image.mirrored,
        names=_names(patient, image, held),
        key=int(key) if key else None,
        view=said.get(VIEW_TEXT),
        hash=said.get("integrity"),
        paths=tuple(lines.files.get(key, ())) if key else (),
    )


def _names(patient: SourcePatient, image: SourceImage, held: Held) -> Mapping[str, Value]:
    series = next(node for node in patient.series if node.key == image.series)
    study_node = next((node for node in patient.studies if node.key == series.parent), None)
    study: Facts = study_node.plain if study_node else {}
    facts = {**patient.plain, **study, **series.plain, **image.plain}
    keys = {
        "patient": held.patient,
        "study": held.studies.get(series.parent),
        "series": held.series.get(series.key),
        "image": held.images.get(image.key),
    }
    number = image.plain["number"]
    return {
        **{name: facts.get(fact) for name, fact in _FACTS.items()},
        **{f"key({entity})": int(key) if key else None for entity, key in keys.items()},
        "person()": patient.person,
        "image.number": int(number) if number else None,
        "image.acquired_at": image.acquired_at,
        "study.started_at": study_node.started_at if study_node else None,
        "patient.birth_date": _day(patient.plain["birth_date"]),
    }


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
