"""Durable file writing. Every difference between operating systems that the converter meets is in this module."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from engine.failpoints import failpoint


def write_durably(path: Path, data: bytes) -> None:
    """Writes a new file and flushes it to the disk. Raises FileExistsError if it is there, OSError otherwise."""
    with path.open("xb", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        failpoint("before-sync")
        os.fsync(file.fileno())


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
