"""Whether files of the store hold the very bytes they held when they were read: each is read and hashed again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from engine.source.steady import SteadyStore
from engine.source.store import SourceStore, StoreProblem
from protocol.vocabulary import FindingCode

_OTHER_BYTES: Final = frozenset({FindingCode.EMPTY_FILE, FindingCode.TOO_LARGE})  # a file that was read was neither


class Difference(StrEnum):
    """Why a file is not what it was."""

    CHANGED = "changed"
    UNREADABLE = "unreadable"
    UNSTEADY = "unsteady"


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file of the store as it was read: its path there, and SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """What reading some files again came to: how many, their bytes, and those that are not what they were."""

    files: int
    bytes: int
    different: tuple[tuple[Difference, str], ...]


def read_again(store: SteadyStore, files: Iterable[FileRead]) -> ReadAgain:
    """Reads every one in whole. Another content is read twice before it is believed."""
    count, size, different = 0, 0, []
    for file in files:
        found, length = _compare(store, file)
        count, size = count + 1, size + length
        if found is not None:
            different.append((found, file.path))
    return ReadAgain(count, size, tuple(different))


def _compare(store: SteadyStore, file: FileRead) -> tuple[Difference | None, int]:
    """What is different, if anything, and how many bytes were read."""
    try:
        content = store.open_read(file.path)
        if hashlib.sha256(content).hexdigest() == file.sha256:
            return None, len(content)
        store.confirm(file.path, content)
    except StoreProblem as problem:
        return _difference(problem.code), 0
    return Difference.CHANGED, len(content)


def _difference(code: FindingCode) -> Difference:
    if code is FindingCode.TRANSIENT_READ:
        return Difference.UNSTEADY
    return Difference.CHANGED if code in _OTHER_BYTES else Difference.UNREADABLE


# In a worker process: the store it reads from. A process pool calls functions, so it has to stand somewhere.
_store: list[SteadyStore] = []


def set_up(roots: tuple[Path, ...]) -> None:
    """Prepares this process for `compare`."""
    _store[:] = [SteadyStore(SourceStore(roots))]


def compare(task: tuple[int, tuple[FileRead, ...]]) -> ReadAgain:
    """The files of one patient, who is told by a number."""
    return read_again(_store[0], task[1])
