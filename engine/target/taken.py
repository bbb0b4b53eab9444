"""Whether planned keys are free, without reading a whole table for each patient.

Where a column leads an index, the database is asked each time. Where none does (a log of events, say), each question
would cost a look at every row: there one look tells what stood under the plan's keys when the session began. What
another program puts there later touches nothing of ours and is found by the reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.rows import Row, key_column

Place = tuple[str, str]  # table, key column


class TakenKeys:
    """Holds a byte for each new key, and each column without an index. `new_keys` gives those of an entity, first to
    last."""

    def __init__(self, profile: TargetProfile, database: TargetDatabase, new_keys: Callable[[str], range]) -> None:
        self._database = database
        self._spans = {
            (rule.table, column): new_keys(rule.entity)
            for rule in profile.insert
            if (column := key_column(rule)) is not None and not database.finds_by(rule.table, column)
        }
        self._stood: dict[Place, bytearray] = {}

    def any(self, rows: Sequence[Row]) -> bool:
        """Whether a row stands under the key of one of `rows`. Raises Failure."""
        stood = any(self._stands(_place(row), row) for row in rows if _place(row) in self._spans)
        asked = [row for row in rows if _place(row) not in self._spans]
        return stood or bool(self._database.found_of(asked).under_keys)

    def _stands(self, place: Place, row: Row) -> bool:
        """Whether a row stood under this one's key when its table was read: now, if it was not yet."""
        span, key = self._spans[place], int(str(row.values[place[1]]))
        if place not in self._stood:
            self._stood[place] = self._read(place, span)
        return key in span and bool(self._stood[place][key - span.start])

    def _read(self, place: Place, span: range) -> bytearray:
        stood = bytearray(len(span))
        for key in self._database.keys_between(*place, span.start, span.stop - 1) if span else ():
            stood[key - span.start] = True
        return stood


def _place(row: Row) -> Place:
    return row.table, row.key_column or ""
