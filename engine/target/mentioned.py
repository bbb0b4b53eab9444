"""Rows that speak of a patient's keys, wherever the profile writes one: the patient's own, and what others added."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

import numpy as np

from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.keys import ENTITIES, Keys
from engine.target.planned import Standing

_KEY: Final = re.compile(r"\s*key\(\s*(\w+)\s*\)\s*")
_AT_ONCE: Final = 10_000  # keys that are looked up in one go


@dataclass(frozen=True, slots=True)
class Mention:
    """A column in which rows speak of a patient's keys, and how many rows of that patient do so there."""

    table: str
    column: str
    entity: str
    keys: frozenset[int]
    rows: int


def mentions(patient: Standing, profile: TargetProfile) -> Iterator[Mention]:
    """Every column of the profile that holds a key of the patient, or of a study, series or image of it."""
    places = {
        (rule.table, column): key[1]
        for rule in profile.insert
        for column, expression in rule.columns.items()
        if (key := _KEY.fullmatch(expression.text))
    }
    rows = Counter(
        (row.table, column)
        for row in patient.rows(profile)
        for column, value in row.values.items()
        if value is not None
    )
    for (table, column), entity in places.items():
        if keys := frozenset(patient.keys.of(entity).values()):
            yield Mention(table, column, entity, keys, rows[table, column])


class Mentioned:
    """How many rows speak of the keys of some patients. A column without an index is read once, when it is first asked
    for, and not once for each of them.

    `patients` gives the keys of all that will be asked for, and is gone through once, when the first such column is.
    Each key takes eight bytes, and sixteen for each such column.
    """

    def __init__(self, database: TargetDatabase, patients: Iterable[Keys]) -> None:
        self._database, self._patients = database, patients
        self._counted: dict[tuple[str, str], _Counts] = {}

    def rows(self, mention: Mention) -> int:
        """How many there are for one of the patients. Raises Failure."""
        place = mention.table, mention.column
        if self._database.finds_by(*place):
            return self._database.count_of(*place, mention.keys)
        if place not in self._counted:
            self._counted[place] = self._count(mention)
        return self._counted[place].of(mention.keys)

    def _count(self, mention: Mention) -> _Counts:
        counts = _Counts(self._keys[mention.entity])
        counts.add(self._database.row_counts(mention.table, mention.column, counts.first, counts.last))
        return counts

    @cached_property
    def _keys(self) -> Mapping[str, array[int]]:
        """All keys of each entity."""
        found = {entity: array("q") for entity in ENTITIES}
        for keys in self._patients:
            for entity, of_all in found.items():
                of_all.extend(keys.of(entity).values())
        return found


class _Counts:
    """A count for each of some keys, of which there is one at least."""

    def __init__(self, keys: array[int]) -> None:
        self._keys = np.unique(np.frombuffer(keys, np.int64))
        self._rows = np.zeros(self._keys.size, np.int64)
        self.first, self.last = int(self._keys[0]), int(self._keys[-1])

    def add(self, counted: Iterator[tuple[int, int]]) -> None:
        """Pairs of a key, from the first to the last one, and its count. Other keys are passed over."""
        while block := list(islice(counted, _AT_ONCE)):
            found = np.array(block, np.int64)
            at = np.searchsorted(self._keys, found[:, 0])
            ours = self._keys[at] == found[:, 0]
            self._rows[at[ours]] += found[ours, 1]

    def of(self, keys: Iterable[int]) -> int:
        """How many there are in all for these keys, which are some of ours."""
        return int(self._rows[np.searchsorted(self._keys, np.fromiter(keys, np.int64))].sum())
