"""What follows from a comparison: discrepancies, counts for the checks, and records for the three set digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from engine.reconcile.normal import Facts
from protocol.vocabulary import FindingCode

Record = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing found. `image` is a source key; `place` names a table, column or path; `detail` is for local eyes.

    `on_disk` says that the file shows it and the rows do not.
    """

    code: FindingCode
    place: str
    detail: str
    image: str | None = None
    on_disk: bool = False


@dataclass(slots=True)
class Counts:
    """What the checks count, summed over patients. `things` are patients, studies, series and images compared."""

    patients: int = 0
    patients_matched: int = 0
    studies: int = 0
    series: int = 0
    images: int = 0
    images_matched: int = 0
    images_extra: int = 0
    declared: int = 0
    things: int = 0
    things_equal: int = 0
    pixels_equal: int = 0
    views_equal: int = 0
    integrity_equal: int = 0
    lookups_found: int = 0
    strays: int = 0
    bytes: int = 0

    def add(self, other: Counts) -> None:
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


@dataclass(slots=True)
class Judgement:
    """Everything that follows from one patient."""

    found: list[Discrepancy] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    source: list[Record] = field(default_factory=list)
    database: list[Record] = field(default_factory=list)
    disk: list[Record] = field(default_factory=list)


def record(kind: str, facts: Facts, content: str | None = None, found: Sequence[Discrepancy] = ()) -> Record:
    """One record of a set: what a side says, the hash of what its picture is, and what is wrong with it there.

    A record that says the right things and is still not right (a row too many, a header of somebody else) is not
    equal to the source's, because of its flaws: sets are equal only if everything is.
    """
    flaws = " ".join(sorted({f"{item.code}:{item.place}" for item in found}))
    return {**facts, "kind": kind, "content": content, "flaws": flaws}
