"""Every file of the image store as it was at staging, kept beside the fingerprint: so that later one can tell what was
added from what was changed or removed. Read and written as a stream, whatever the number of files.

A line is root, size in bytes, modification time in ns and the name as JSON, separated by tabs; the whole is gzip.
Lines stand in the order in which the store is walked: root by root, names compared part by part.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Final

import msgspec

from engine.source.store import SourceStore
from protocol.errors import EnvironmentProblem, UsageProblem

_LEVEL: Final = 1  # names repeat themselves: the fastest level already makes them an eighth
_written: Final = msgspec.json.Encoder().encode
_name: Final = msgspec.json.Decoder(str).decode


class StoreFingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All files: how many, their bytes, and a digest of every name, size and modification time."""

    files: int
    bytes: int
    digest: str


class StoreFile(msgspec.Struct, frozen=True, gc=False):
    """One file: which folder of the store (from 0), its name there, bytes, modification time in ns."""

    root: int
    name: str
    size: int
    modified: int

    @property
    def place(self) -> tuple[int, tuple[str, ...]]:
        """Where it comes in a walk."""
        return self.root, tuple(self.name.split("/"))

    @property
    def line(self) -> bytes:
        return b"%d\t%d\t%d\t%b\n" % (self.root, self.size, self.modified, _written(self.name))


class Change(Enum):
    """What became of a file."""

    NONE = auto()
    ADDED = auto()
    CHANGED = auto()
    REMOVED = auto()


class Tally:
    """Adds files up to a fingerprint."""

    def __init__(self) -> None:
        self._files = self._bytes = 0
        self._digest = hashlib.sha256()

    def add(self, file: StoreFile) -> None:
        self._files += 1
        self._bytes += file.size
        self._digest.update(file.line)

    def total(self) -> StoreFingerprint:
        return StoreFingerprint(self._files, self._bytes, self._digest.hexdigest())


def listed(roots: Sequence[Path]) -> Iterator[StoreFile]:
    """Every file of the store now. Raises EnvironmentProblem."""
    for number, root in enumerate(roots):
        for name, size, modified in SourceStore((root,)).walk():
            yield StoreFile(number, name, size, modified)


def write_listing(path: Path, files: Iterable[StoreFile]) -> StoreFingerprint:
    """Write the list to `path`, whole or not at all; the fingerprint of what was written."""
    part, tally = path.with_name(f"{path.name}.part"), Tally()
    with part.open("wb") as file:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_LEVEL, mtime=0) as packed:
            for one in files:
                tally.add(one)
                packed.write(one.line)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return tally.total()


def read_listing(path: Path, expected: StoreFingerprint) -> Iterator[StoreFile]:
    """The list that `write_listing` left. Raises UsageProblem if there is none, EnvironmentProblem if damaged, at its
    end at the latest."""
    tally = Tally()
    try:
        with gzip.open(path, "rb") as packed:
            for line in packed:
                file = _file(line)
                tally.add(file)
                yield file
    except FileNotFoundError as problem:
        advice = "run bitewing-engine stage again"
        raise UsageProblem("the list of the store's files is missing", where=path.name, next_step=advice) from problem
    except (OSError, EOFError, ValueError, msgspec.MsgspecError, zlib.error) as problem:
        raise _damaged(path) from problem
    if tally.total() != expected:
        raise _damaged(path)


def compared(before: Iterable[StoreFile], now: Iterable[StoreFile]) -> Iterator[tuple[Change, StoreFile]]:
    """Every file of either list, each once and in order, with what became of it."""
    old_files, new_files = iter(before), iter(now)
    old, new = next(old_files, None), next(new_files, None)
    while old is not None or new is not None:
        if new is not None and old == new:
            yield Change.NONE, new
            old, new = next(old_files, None), next(new_files, None)
        elif new is None or (old is not None and old.place < new.place):
            assert old is not None  # noqa: S101 - one of the two is there
            yield Change.REMOVED, old
            old = next(old_files, None)
        elif old is None or new.place < old.place:
            yield Change.ADDED, new
            new = next(new_files, None)
        else:
            yield Change.CHANGED, new
            old, new = next(old_files, None), next(new_files, None)


def _file(line: bytes) -> StoreFile:
    root, size, modified, name = line.split(b"\t", 3)
    return StoreFile(int(root), _name(name), int(size), int(modified))


def _damaged(path: Path) -> EnvironmentProblem:
    advice = "run bitewing-engine stage again"
    return EnvironmentProblem("the list of the store's files is damaged", where=path.name, next_step=advice)
