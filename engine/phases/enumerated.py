"""How much the source profile's own audit says there is to convert: everything, less what is declared and left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.profiles.schema import Query, SourceProfile
from engine.source.database import SourceDatabase
from protocol.vocabulary import SkipReason


@dataclass(frozen=True, slots=True)
class Expected:
    """Patients and images that must be enumerated, and annotations that a later pass carries over."""

    patients: int
    images: int
    annotations: int


def expected(database: SourceDatabase, profile: SourceProfile) -> Expected:
    """Asks the audit's questions, which are written apart from the entity queries."""
    audit = profile.audit

    def count(total: Query, excluded: str) -> int:
        reasons: Mapping[SkipReason, Query] = audit.excluded.get(excluded, {})
        return int(database.scalar(total)) - sum(int(database.scalar(query)) for query in reasons.values())

    return Expected(
        count(audit.patients, "patients"), count(audit.images, "images"), int(database.scalar(audit.annotations))
    )
