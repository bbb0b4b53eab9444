"""Files opened for reading only, without a trace where the system allows that, and never from outside a store."""

from __future__ import annotations

import os
from pathlib import Path

from engine.meanings.disks import meaning_of
from engine.reconcile.picture import SourceWanting
from protocol.vocabulary import FindingCode


def read_below(roots: tuple[Path, ...], file: str) -> bytes:
    """A file's bytes from the first root that has it. Raises SourceWanting."""
    for root in roots:
        path = root / file
        try:
            if path.is_file() and path.resolve().is_relative_to(root.resolve()):
                return read_quietly(path)
        except OSError as problem:
            detail = f"the file cannot be read: {meaning_of(problem).what}"
            raise SourceWanting(FindingCode.UNREADABLE_FILE, detail) from problem
    raise SourceWanting(FindingCode.MISSING_FILE, "no such file in the source store")


def read_quietly(path: Path) -> bytes:
    """A file's bytes; the time of last access stays as it was where the system allows. Raises OSError."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        handle = os.open(path, flags)
    with os.fdopen(handle, "rb") as file:
        return file.read()
