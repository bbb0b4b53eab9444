"""Whether planned keys are free, without reading a whole table for each patient.

Where a column leads an index, the database is asked each time. Where none does (a log of events, say), each question
would cost a look at every row: there one look tells what stood under the plan's keys when the session began. What
another program puts there later touches nothing of ours and is found by the reconciliation.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.rows import Row, key_column

Place = tuple[str, str]  # table, key column


class TakenKeys:
    """Eight bytes for each key that stood in a column without an index. `new_keys` gives all that the plan gave away
    to an entity, first to last."""

    def __init__(self, profile: TargetProfile, database: TargetDatabase, new_keys: Callable[[str], range]) -> None:
        self._database = database
        self._spans = {
            (rule.table, column): new_keys(rule.entity)
            for rule in profile.insert
            if (column := key_column(rule)) is not None and not database.finds_by(rule.table, column)
        }
        self._stood: dict[Place, NDArray[np.int64]] = {}

    def any(self, rows: Sequence[Row]) -> bool:
        """Whether a row stands under the key of one of `rows`. Raises Failure."""
        looked_up, asked = defaultdict[Place, list[int]](list), list[Row]()
        for row in rows:
            place = (row.table, row.key_column or "")
            if place in self._spans:
                looked_up[place].append(int(str(row.values[place[1]])))
            else:
                asked.append(row)
        stood = any(_holds(self._keys(place), key) for place, keys in looked_up.items() for key in keys)
        return stood or bool(self._database.found_of(asked).under_keys)

    def _keys(self, place: Place) -> NDArray[np.int64]:
        if place not in self._stood:
            span = self._spans[place]
            keys = self._database.keys_between(*place, span.start, span.stop - 1) if span else iter(())
            self._stood[place] = np.unique(np.fromiter(keys, np.int64))
        return self._stood[place]


def _holds(sorted_keys: NDArray[np.int64], key: int) -> bool:
    at = bisect_left(sorted_keys, key)
    return at < sorted_keys.size and int(sorted_keys[at]) == key
