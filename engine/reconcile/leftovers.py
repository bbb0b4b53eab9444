"""What the target holds and the source does not: rows and files that nobody claimed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.reconcile.judgement import Discrepancy, Record
from engine.reconcile.target_view import Shape
from engine.reconcile.workbook import Workbook
from protocol.vocabulary import FindingCode


@dataclass(slots=True)
class Leftovers:
    """How many patients, images, rows and files too many."""

    patients: int = 0
    images: int = 0
    rows: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Leftover:
    """One of them, as a finding and as the record it adds to a set."""

    finding: Discrepancy
    record: Record
    on_disk: bool = field(default=False)


def leftovers(book: Workbook, shape: Shape, counts: Leftovers) -> Iterator[Leftover]:
    """Every unclaimed row and file; `counts` grows as they come. A patient there in every table is told once."""
    for table in shape.tables:
        for key in book.unclaimed_lines(table.name, table.entity):
            counts.rows += 1
            yield _row(book, shape, table.name, table.entity, key, counts)
    for path in book.unclaimed_files():
        counts.files += 1
        finding = Discrepancy(FindingCode.STRAY_FILE, path, "no image's file", on_disk=True)
        yield Leftover(finding, {"kind": "stray file", "path": path}, on_disk=True)


def _row(book: Workbook, shape: Shape, table: str, entity: str, key: str, counts: Leftovers) -> Leftover:
    tables = shape.of(entity)
    is_first = table == tables[0].name
    counts.images += entity == "image" and is_first
    counts.patients += entity == "patient" and is_first
    whole = entity == "patient" and is_first and all(book.lines(other.name, key) for other in tables)
    code = FindingCode.PATIENT_EXTRA if whole else FindingCode.ROW_EXTRA
    finding = Discrepancy(code, table, f"key {key} has no counterpart in the source")
    return Leftover(finding, {"kind": "stray row", "table": table, "key": key})
