"""A power cut, as a disk would show it: whatever was not flushed is forgotten, or torn.

The layer sees every call that changes the target store and every flush. At the cut it rewrites the store to what a
disk need have kept: an entry of a folder counts as kept only once that folder was flushed, bytes of a file only once
that file was flushed, and what was removed comes back unless its folder was flushed. That is stricter than common file
systems are, and never kinder. SQLite's own files stay as they are: how it flushes is its settings' matter.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.calls import Call, Kind


@dataclass(frozen=True, slots=True)
class _Change:
    """An entry that is new, or gone (`kept` is a second name of the file, None for a folder), not flushed yet."""

    path: Path
    added: bool
    kept: Path | None = None


class Power:
    """Watches the target store. `attic` is a folder outside it on the same disk."""

    def __init__(self, attic: Path, added: Iterable[Path] = (), removed: Iterable[tuple[Path, Path]] = ()) -> None:
        """`added` and `removed` are entries that an earlier process left unflushed; the latter with a second name."""
        self._attic = attic
        self._changes = [_Change(path, added=True) for path in added]
        self._changes += [_Change(path, added=False, kept=kept) for path, kept in removed]
        self._dirty: set[Path] = set()
        self._names = itertools.count()
        attic.mkdir(exist_ok=True)

    def before(self, call: Call) -> None:
        if call.kind is Kind.FILE and call.path is not None:
            if call.name in ("create", "link", "rename", "mkdir"):
                self._adding(call, call.path)
            elif call.name in ("unlink", "rmdir"):
                self._removing(call.path)

    def synced(self, path: Path) -> None:
        self._changes = [change for change in self._changes if change.path.parent != path]
        if path.is_file():
            self._dirty = {dirty for dirty in self._dirty if not (dirty.exists() and dirty.samefile(path))}

    def cut(self, torn: random.Random | None) -> None:
        """Forgets everything unflushed; with `torn`, some of it, and leaves pieces."""
        for path in sorted(self._dirty):
            if path.is_file():
                _tear(path, torn)
        for change in reversed(self._changes):
            if torn is None or torn.random() < 0.5:
                _undo(change)

    def _adding(self, call: Call, path: Path) -> None:
        if os.path.lexists(path):
            return  # refused, or written in place, which the converter never does
        self._changes.append(_Change(path, added=True))
        if call.name == "create" or call.source in self._dirty:
            self._dirty.add(path)
        if call.name == "rename" and call.source is not None:
            self._removing(call.source)

    def _removing(self, path: Path) -> None:
        if path.is_dir():
            self._changes.append(_Change(path, added=False))
        elif path.exists():
            kept = self._attic / f"kept-{next(self._names)}"
            os.link(path, kept)
            self._changes.append(_Change(path, added=False, kept=kept))


def _tear(path: Path, torn: random.Random | None) -> None:
    """Bytes that were never flushed: nothing, half of them, or zeros in the place of the second half."""
    size = path.stat().st_size
    how = "nothing" if torn is None else torn.choice(("nothing", "half", "zeros", "all"))
    if how != "all":
        os.truncate(path, 0 if how == "nothing" else size // 2)
    if how == "zeros":
        os.truncate(path, size)


def _undo(change: _Change) -> None:
    if change.added:
        if change.path.is_dir():
            shutil.rmtree(change.path)
        else:
            change.path.unlink(missing_ok=True)
    elif change.path.parent.is_dir() and not change.path.exists():
        if change.kept is None:
            change.path.mkdir()
        else:
            os.link(change.kept, change.path)
