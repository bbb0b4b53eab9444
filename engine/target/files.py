"""The target store: files appear whole or not at all, nothing is ever replaced, and only our own content is removed."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from tempfile import TemporaryFile
from typing import Concatenate, ParamSpec, TypeVar

from engine.failpoints import failpoint
from engine.target import disk
from engine.target.failures import explained
from protocol.errors import EnvironmentProblem

Args = ParamSpec("Args")
Result = TypeVar("Result")

_BLOCK = 1 << 20
_PROBE = 1 << 16  # bytes: more than a file system keeps beside the file's name


class Presence(StrEnum):
    """What stands at a final path."""

    ABSENT = "absent"
    OURS = "ours"  # a file with exactly the digest we planned
    FOREIGN = "foreign"  # anything else


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file with its final path below the store (forward slashes) and the digest that makes it ours."""

    path: str
    sha256: str


def place_of(root: Path) -> str:
    """The target's store as people find it again: its folder, and its key in job.toml."""
    return f"target's store {os.path.normpath(root)} (target.store in job.toml)"


Method = Callable[Concatenate["TargetStore", Args], Result]


def _explained(method: Method[Args, Result]) -> Method[Args, Result]:
    """What the system says against it, as a Failure."""

    @wraps(method)
    def explaining(store: TargetStore, /, *given: Args.args, **named: Args.kwargs) -> Result:
        try:
            return method(store, *given, **named)
        except OSError as error:
            raise explained(error, place_of(store.root)) from error

    return explaining


class TargetStore:
    """The new image store at `root`, with this run's incoming folder on the same volume."""

    def __init__(self, root: Path, run: str) -> None:
        self.root = root
        self._flushed = {root}  # folders whose own entry this session flushed: an earlier one may have died before that
        self.incoming = root / f".bitewing-incoming-{run}"

    def require_present(self) -> None:
        """Raises EnvironmentProblem if the store is not there."""
        if not self.root.is_dir():
            raise EnvironmentProblem(
                "the folder is not there",
                where=place_of(self.root),
                next_step="connect its disk or network share, or correct target.store; then run the same command again",
            )

    def open_incoming(self, session: int) -> Path:
        """An empty incoming folder of this session; whatever an earlier session left is removed.

        A worker that outlives a killed session finds its folder gone and can leave nothing behind.
        """
        self.close_incoming()
        folder = self.incoming / str(session)
        self.incoming.mkdir()
        folder.mkdir()
        return folder

    def close_incoming(self) -> None:
        """Removes the incoming folder with everything in it."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.incoming)

    @_explained
    def require_usable(self, folder: Path) -> None:
        """Returns if a new file in this incoming folder can be written and flushed. Raises Failure."""
        with TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE))
            probe.flush()
            os.fsync(probe.fileno())

    @_explained
    def taken(self, paths: Iterable[str]) -> list[str]:
        """Those of `paths` where something stands already. Raises Failure."""
        return [path for path in paths if self._place(path).exists() or self._place(path).is_symlink()]

    def size(self, path: str) -> int | None:
        """Bytes of the plain file at `path`; None if there is none. Raises OSError if the store cannot tell."""
        try:
            found = os.lstat(f"{self.root}{os.sep}{path}")  # a Path for each file is slow
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    @_explained
    def presence(self, file: PlannedFile) -> Presence:
        """What stands at the file's final path. Raises Failure."""
        place = self._place(file.path)
        if place.is_symlink():
            return Presence.FOREIGN
        try:
            return Presence.OURS if sha256_of(place) == file.sha256 else Presence.FOREIGN
        except FileNotFoundError:
            return Presence.ABSENT
        except IsADirectoryError:
            return Presence.FOREIGN

    @_explained
    def link(self, incoming: Path, files: Iterable[tuple[str, PlannedFile]]) -> None:
        """Links incoming files, given by name, to their final paths and makes that durable. Refuses to overwrite.

        Raises Failure.
        """
        folders: set[Path] = set()
        for name, file in files:
            place = self._place(file.path)
            disk.make_folders(place.parent, self.root)
            disk.publish(incoming / name, place)
            folders.add(place.parent)
            failpoint("after-link")
        above = {parent for folder in folders for parent in (folder, *folder.parents) if self.root in parent.parents}
        disk.sync_folders(sorted(folders | {folder.parent for folder in above - self._flushed}))
        self._flushed |= above

    @_explained
    def remove_ours(self, files: Iterable[PlannedFile], step: str = "after-remove") -> list[str]:
        """Removes exactly the files that carry our digest, durably; returns the paths where something else stands.

        A session that died may have removed some without flushing that, so absent ones are flushed too. `step` is the
        failpoint passed after each of them. Raises Failure.
        """
        foreign, touched = [], set()
        for file in files:
            place, found = self._place(file.path), self.presence(file)
            if found is Presence.FOREIGN:
                foreign.append(file.path)
                continue
            if found is Presence.OURS:
                place.unlink()
                failpoint(step)
            touched.add(place.parent)
        disk.sync_folders(folder for folder in sorted(touched) if folder.is_dir())
        return foreign

    def free_bytes(self) -> int:
        """Bytes free on the store's volume."""
        return shutil.disk_usage(self.root).free

    def walk(self) -> Iterator[tuple[str, int, int]]:
        """Every file below the root, folder by folder in the order of names: path with forward slashes, size in bytes,
        modification time in ns. Links are listed, not followed."""
        yield from _walk(str(self.root), "")

    def _place(self, path: str) -> Path:
        return self.root / path


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{prefix}{entry.name}/")
        else:
            status = entry.stat(follow_symlinks=False)
            yield prefix + entry.name, status.st_size, status.st_mtime_ns


def sha256_of(path: Path) -> str:
    """Lower-case hex SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
