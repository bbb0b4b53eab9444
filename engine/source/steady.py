"""A file that cannot be used is read once more after a pause. Two reads that disagree speak of the disk, the network or
a file that is still being written, and not of the picture: that is TRANSIENT_READ, and nothing else is believed of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from engine.source.store import SourceStore, StoreProblem
from protocol.vocabulary import FindingCode

PAUSE_SECONDS: Final = 0.1  # long enough for a cache to forget a bad answer, short beside a night of cut files
DOUBTFUL: Final = frozenset({FindingCode.TRUNCATED, FindingCode.UNREADABLE_FILE, FindingCode.EMPTY_FILE})
"""What a bad read looks like. A missing file, or one that is whole and unwanted, is not read twice."""


class SteadyStore:
    """Reads from a store, and reads again where something is wrong. `sleep` takes seconds."""

    def __init__(self, store: SourceStore, sleep: Callable[[float], None] = time.sleep) -> None:
        self._store, self._sleep = store, sleep

    def open_read(self, relative: str) -> bytes:
        """The whole content of one file. Raises StoreProblem; TRANSIENT_READ if only the first read failed."""
        try:
            return self._store.open_read(relative)
        except StoreProblem as problem:
            if problem.code in DOUBTFUL and self._again(relative) is not None:
                raise _transient(f"the first read said: {problem.detail}; the second did not") from problem
            raise

    def confirm(self, relative: str, content: bytes) -> None:
        """Returns if a second read gives the same bytes. Raises StoreProblem TRANSIENT_READ."""
        if self._again(relative) != content:
            raise _transient("two reads gave different bytes")

    def _again(self, relative: str) -> bytes | None:
        self._sleep(PAUSE_SECONDS)
        try:
            return self._store.open_read(relative)
        except StoreProblem:
            return None


def _transient(detail: str) -> StoreProblem:
    return StoreProblem(FindingCode.TRANSIENT_READ, detail)
