"""Whether the rows of a record are there once each, and say what they should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.reconcile.forms import OWNER, SourceForm
from engine.reconcile.judgement import Discrepancy
from engine.reconcile.normal import Facts
from engine.reconcile.target_view import Shape
from protocol.vocabulary import FindingCode

LOOK_UP = "look-up"


@dataclass(frozen=True, slots=True)
class Lines:
    """What the target holds for one patient: rows by (table, key); what the look-up found and files by image key."""

    rows: Mapping[tuple[str, str], Sequence[Facts]]
    looked: Mapping[str, Sequence[Facts]]
    files: Mapping[str, Sequence[str]]

    def of_image(self, key: str) -> Facts:
        """What the look-up says of an image; what its rows say, where the look-up does not find it."""
        found = self.looked.get(key) or [row for (_, other), rows in self.rows.items() if other == key for row in rows]
        return {name: value for facts in found for name, value in facts.items()}


@dataclass(frozen=True, slots=True)
class RowsFound:
    """How the rows of one record stand: discrepancies, rows too many, what they say together."""

    found: tuple[Discrepancy, ...]
    surplus: int
    said: Facts

    @property
    def once(self) -> bool:
        """Whether every table holds exactly one row."""
        return not any(item.code is not FindingCode.FIELD_DIFFERS for item in self.found)


class RowCheck:
    """Judges the rows of one patient's records."""

    def __init__(self, shape: Shape, form: SourceForm, lines: Lines) -> None:
        self._shape, self._form, self._lines = shape, form, lines

    def rows(self, entity: str, key: str, expected: Facts, image: str | None = None) -> RowsFound:
        """The rows with this key in every table of the entity, held against `expected`."""
        found: list[Discrepancy] = []
        said: dict[str, str | None] = {}
        surplus = 0
        for table in self._shape.of(entity):
            rows = self._lines.rows.get((table.name, key), ())
            surplus += max(len(rows) - 1, 0)
            if len(rows) != 1:
                code = FindingCode.ROW_EXTRA if rows else FindingCode.ROW_MISSING
                found.append(Discrepancy(code, table.name, f"key {key}: {len(rows)} rows instead of one", image))
            for row in rows:
                said |= row
                found += self.differences(table.name, row, expected, image)
        return RowsFound(tuple(found), surplus, said)

    def differences(self, table: str | None, row: Facts, expected: Facts, image: str | None) -> Iterator[Discrepancy]:
        """One for each fact of a row, or of the look-up, that is not as expected; unexpected names pass."""
        for name, value in row.items():
            if name in expected and value != (wanted := self._form.kept(table, name, expected[name])):
                about = image if OWNER[name] == "image" else None
                place = f"{table or LOOK_UP}.{name}"
                yield Discrepancy(FindingCode.FIELD_DIFFERS, place, f"holds {value!r}, not {wanted!r}", about)

    def looked(self, image: str) -> Sequence[Facts]:
        """What the look-up found for an image key."""
        return self._lines.looked.get(image, ())
