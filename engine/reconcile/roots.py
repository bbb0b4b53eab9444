"""Whether the folders that are compared still are those that stood there at the beginning.

A network share that drops, or a disk that is unmounted, takes every file away at once. That is no answer to what the
target holds: the reconciliation ends, and is run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from protocol.errors import EnvironmentProblem

_Mark = tuple[int, int]  # device, and the folder's number on it


class Roots:
    """The stores' folders, each with what people call it."""

    def __init__(self, source: tuple[Path, ...], target: Path) -> None:
        named = {root: f"DEXIS 11's image store {root} (source.store in job.toml)" for root in source}
        self._named: Mapping[Path, str] = {**named, target: f"target's store {target} (target.store in job.toml)"}
        self._marks = {root: _mark(root) for root in self._named}

    def require_same(self) -> None:
        """Asked when a file cannot be had. Raises EnvironmentProblem if its folder went away meanwhile."""
        for root, mark in self._marks.items():
            found = _mark(root)
            if found is None or found != mark:
                raise EnvironmentProblem(
                    "the folder is not there, or not the one that it was when this began",
                    where=self._named[root],
                    next_step="connect its disk or network share, then run reconcile again",
                )


def _mark(root: Path) -> _Mark | None:
    """None where the folder cannot be reached."""
    try:
        status = root.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
