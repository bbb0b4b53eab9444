"""Whether what the journal calls done really stands in the target: by keys and sizes, never by content.

One query a table, one look at each file's entry. Whether the content is exact is the reconciler's question; here it
is only asked whether this is the target that was written at all.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.plan.values import Held
from engine.profiles.schema import InsertRule, TargetProfile
from engine.target.database import TargetDatabase
from engine.target.files import TargetStore
from engine.target.keys import Keys, Made
from engine.target.made import in_keys
from engine.target.rows import key_column

_KEYS_AT_ONCE: Final = 10_000  # looked up in one go


@dataclass(frozen=True, slots=True)
class Gone:
    """What is not there of the patients that are done: keys under which no row stands, and files."""

    rows: int
    files: int

    def __bool__(self) -> bool:
        return bool(self.rows or self.files)


def gone(
    patients: Iterable[tuple[Held, Made]], profile: TargetProfile, database: TargetDatabase, store: TargetStore
) -> Gone:
    """What is gone of `patients`, each with the keys that the database made. A file of another size counts as gone.

    Raises Failure, OSError.

    Holds eight bytes for each key, and streams the rest.
    """
    keys: defaultdict[str, array[int]] = defaultdict(_no_keys)
    files = 0
    for held, made in patients:
        _add_keys(keys, held, in_keys(held.keys, made))
        files += sum(store.size(path) != size for _, path, size in held.images)
    rows = sum(_without_row(rule, keys[rule.entity], database) for rule in profile.insert)
    return Gone(rows, files)


def _no_keys() -> array[int]:
    return array("q")


def _add_keys(keys: dict[str, array[int]], held: Held, standing: Keys) -> None:
    """A skipped image has a key and no row."""
    for entity in ("patient", "study", "series"):
        keys[entity].extend(standing.of(entity).values())
    keys["image"].extend(key for key, _, _ in held.images)


def _without_row(rule: InsertRule, keys: array[int], database: TargetDatabase) -> int:
    column = key_column(rule)
    if column is None or not keys:
        return 0
    wanted = _in_order(np.frombuffer(keys, np.int64))
    found = database.keys_between(rule.table, column, int(wanted[0]), int(wanted[-1]))
    return wanted.size - sum(_common(wanted, block) for block in _blocks(found))


def _in_order(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The keys, each once. Planned ones come so, and are not copied."""
    return keys if (keys[1:] > keys[:-1]).all() else np.unique(keys)


def _blocks(keys: Iterator[int]) -> Iterator[list[int]]:
    while block := list(islice(keys, _KEYS_AT_ONCE)):
        yield block


def _common(wanted: NDArray[np.int64], found: list[int]) -> int:
    """How many of `found` are among `wanted`, which are sorted; no key found lies beyond their last one."""
    keys = np.array(found, np.int64)
    return int((wanted[np.searchsorted(wanted, keys)] == keys).sum())
