"""Whether what the journal calls done really stands in the target: by keys and sizes, never by content.

One query a table, one look at each file's entry. Whether the content is exact is the reconciler's question; here it
is only asked whether this is the target that was written at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from engine.profiles.schema import InsertRule, TargetProfile
from engine.target.database import TargetDatabase
from engine.target.files import TargetStore
from engine.target.planned import Standing
from engine.target.rows import key_column


@dataclass(frozen=True, slots=True)
class Gone:
    """What is not there of the patients that are done: keys under which no row stands, and files."""

    rows: int
    files: int

    def __bool__(self) -> bool:
        return bool(self.rows or self.files)


def gone(patients: Iterable[Standing], profile: TargetProfile, database: TargetDatabase, store: TargetStore) -> Gone:
    """What is gone of `patients`. A file of another size counts as gone. Raises Failure, OSError.

    Holds one integer for each key, and streams the rest.
    """
    keys, files = defaultdict[str, set[int]](set), 0
    for standing in patients:
        _add_keys(keys, standing)
        files += sum(store.size(image.path) != image.size for image in standing.patient.images)
    rows = sum(_without_row(rule, keys[rule.entity], database) for rule in profile.insert)
    return Gone(rows, files)


def _add_keys(keys: dict[str, set[int]], standing: Standing) -> None:
    """A skipped image has a key and no row."""
    for entity in ("patient", "study", "series"):
        keys[entity].update(standing.keys.of(entity).values())
    keys["image"].update(image.target_key for image in standing.patient.images)


def _without_row(rule: InsertRule, keys: set[int], database: TargetDatabase) -> int:
    column = key_column(rule)
    if column is None or not keys:
        return 0
    found = database.keys_between(rule.table, column, min(keys), max(keys))
    return len(keys) - sum(key in keys for key in found)
