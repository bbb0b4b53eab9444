"""Durable file writing. Every difference between operating systems that the converter meets is in this module."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final

import numpy as np

from engine.failpoints import failpoint

_BLOCK: Final = 1 << 18  # bytes read back and compared in one go: they fit a processor's own memory


def write_durably(path: Path, *pieces: bytes | memoryview) -> None:
    """Writes a new file, one piece after the other, and flushes it to the disk.

    Raises FileExistsError if it is there, OSError otherwise.
    """
    with path.open("xb", buffering=0) as file:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
        failpoint("before-sync")
        os.fsync(file.fileno())


def holds(path: Path, *pieces: bytes | memoryview) -> bool:
    """Whether a file, read back, holds exactly these pieces, one after the other. Raises OSError."""
    block = memoryview(bytearray(_BLOCK))
    with path.open("rb") as file:
        return all(_comes_next(file, part, block) for part in _blocks(pieces)) and not file.readinto(block)


def _blocks(pieces: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
    """The pieces, none longer than a block: what was just read is compared while the processor has it at hand."""
    for piece in pieces:
        view = memoryview(piece)
        yield from (view[start : start + _BLOCK] for start in range(0, len(view), _BLOCK))


def _comes_next(file: BufferedReader, part: memoryview, block: memoryview) -> bool:
    found = block[: len(part)]
    return file.readinto(found) == len(part) and np.array_equal(np.asarray(found), np.asarray(part))


def publish(source: Path, destination: Path) -> None:
    """Gives a file its final name. Raises FileExistsError rather than replace anything.

    POSIX: a hard link, which fails where the name exists. Windows: `os.rename`, documented to fail there.
    """
    if sys.platform == "win32":
        os.rename(source, destination)  # noqa: PTH104
    else:
        os.link(source, destination)


def make_folders(folder: Path, root: Path) -> None:
    """Makes `folder` below `root`. Nothing is flushed."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        failpoint("after-folder")


def sync_folders(folders: Iterable[Path]) -> None:
    """Flushes directory entries to the disk. Windows has no such call; NTFS journals its own metadata."""
    if sys.platform != "win32":
        for folder in folders:
            _sync_folder(folder)
            failpoint("after-folder-sync")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
