"""The backup as a file or a folder of files: read once, never written."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final

from engine.meanings import disks
from engine.source.os_files import open_read
from protocol.errors import EnvironmentProblem

_CHUNK: Final = 2**20


def open_backup(path: Path) -> BufferedReader:
    """The backup file, read-only. Raises EnvironmentProblem if it is missing, no file, or empty."""
    try:
        file = os.fdopen(open_read(path), "rb")
    except OSError as problem:
        raise unreadable(path, disks.meaning_of(problem).what) from problem
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        file.close()
        raise unreadable(path, "it is empty" if stat.S_ISREG(status.st_mode) else "it is not a file")
    return file


def copy_backup(path: Path, copy: Path, progress: Callable[[int], None]) -> None:
    """Copy the backup to `copy`, durable when this returns. `progress` is told each block's bytes."""
    with open_backup(path) as source, copy.open("wb") as target:
        while block := source.read(_CHUNK):
            progress(target.write(block))
        target.flush()
        os.fsync(target.fileno())


def backup_size(path: Path) -> int:
    """Bytes of the backup's files."""
    return sum(file.stat().st_size for file in _files(path))


def backup_digest(path: Path) -> str:
    """SHA-256 over the names and bytes of the backup's files, as 64 hex digits."""
    digest = hashlib.sha256()
    for file in _files(path):
        with open_backup(file) as content:
            name = file.relative_to(path).as_posix() if file != path else ""
            inner = hashlib.file_digest(content, "sha256").hexdigest()
            digest.update(f"{name}\0{inner}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def unreadable(path: Path, why: str) -> EnvironmentProblem:
    """The error that says why a backup cannot be used."""
    advice = "check source.snapshot in job.toml, or take last night's backup again"
    return EnvironmentProblem(f"the backup cannot be read: {why}", where=str(path), next_step=advice)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if not file.is_dir())
    else:
        yield path
