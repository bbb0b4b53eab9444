"""The source's image store: files are opened read-only, and nothing outside the store is ever opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from heapq import merge
from pathlib import Path, PurePosixPath
from typing import Final

from engine.meanings import disks
from engine.source.names import is_nearly_there, is_reserved
from engine.source.os_files import open_read, printable, system_path
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import FindingCode

_MOST_BYTES: Final = 2**31  # 2 GiB: no single radiograph or photo comes near; a volume or a wrong file may
_LONGEST_NAME: Final = 255  # bytes of one name, on every file system that matters
_MOST_LOOKS: Final = 100  # missing files for which a folder is listed to see whether a similar name is there


class StoreProblem(Exception):
    """A file of the store cannot be had. `code` is the finding it becomes, `detail` a sentence without patient data."""

    def __init__(self, code: FindingCode, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}")

    def __reduce__(self) -> tuple[type[StoreProblem], tuple[FindingCode, str]]:
        return type(self), (self.code, self.detail)


class SourceStore:
    """One or several folders seen as one store. Paths are relative, with forward slashes."""

    def __init__(self, roots: Sequence[Path]) -> None:
        """Raises EnvironmentProblem if a folder is missing or cannot be listed."""
        self._roots = tuple(_root(path) for path in roots)
        self._looks = _MOST_LOOKS

    def open_read(self, relative: str) -> bytes:
        """The whole content of one file. Raises StoreProblem."""
        try:
            return _content(self._find(relative))
        except PermissionError as problem:
            raise StoreProblem(FindingCode.UNREADABLE_FILE, "permission was denied") from problem
        except FileNotFoundError as problem:
            raise StoreProblem(FindingCode.MISSING_FILE, "there is no such file") from problem
        except IsADirectoryError as problem:
            raise StoreProblem(FindingCode.UNREADABLE_FILE, "it is a folder, not a file") from problem
        except OSError as problem:
            raise StoreProblem(FindingCode.UNREADABLE_FILE, disks.meaning_of(problem).what) from problem

    def is_there(self) -> bool:
        """Whether each folder can be listed, and any holds something: a disk taken away may leave an empty folder."""
        try:
            holding = [_holds_anything(root) for root in self._roots]
        except OSError:
            return False
        return any(holding)

    def exists(self, relative: str) -> bool:
        """Whether there is such a file in the store. Raises StoreProblem if the path leaves it."""
        try:
            return self._find(relative).is_file()
        except StoreProblem as problem:
            if problem.code is FindingCode.MISSING_FILE:
                return False
            raise

    def stamp(self, relative: str) -> tuple[int, int] | None:
        """Bytes and modification time (ns) of one file, links followed; None unless exactly one folder holds it."""
        found = [status for root in self._roots if (status := _status(root, relative)) is not None]
        return (found[0].st_size, found[0].st_mtime_ns) if len(found) == 1 else None

    def ignores_case(self, relative: str) -> bool:
        """Whether the very same file is found under its name in other case: then two such names are one file."""
        other = relative.swapcase()
        if other == relative or not (self.exists(relative) and self.exists(other)):
            return False
        return self._find(relative).samefile(self._find(other))

    def walk(self) -> Iterator[tuple[str, int, int]]:
        """Every file as (relative path, bytes, modification time in ns), by name. Links are listed, not followed.

        A name that is not UTF-8 is listed with \\xNN in the place of its odd bytes.
        """
        for root in self._roots:
            yield from _walk(root, "")

    def _find(self, relative: str) -> Path:
        parts = _safe_parts(relative)
        found = [path for root in self._roots if (path := _inside(root, parts)) is not None]
        if not found:
            raise StoreProblem(FindingCode.MISSING_FILE, self._why_missing(parts))
        if len(found) > 1:
            raise StoreProblem(FindingCode.UNREADABLE_FILE, "two folders of the store hold this path")
        return found[0]

    def _why_missing(self, parts: tuple[str, ...]) -> str:
        """A name that is nearly there is told, for the first few files; looking for it means listing its folder."""
        if any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
            return f"a name in its path is longer than {_LONGEST_NAME} bytes"
        self._looks -= 1
        if self._looks >= 0 and any(is_nearly_there(root, parts) for root in self._roots):
            return "there is no such file; one whose name differs in case or in how accents are written is there"
        return "there is no such file"


def _holds_anything(root: Path) -> bool:
    with os.scandir(system_path(root)) as entries:
        return next(entries, None) is not None


def _status(root: Path, relative: str) -> os.stat_result | None:
    """What the system says of one file. The path is put together as text: a Path for each image takes longer."""
    place = f"{root}{os.sep}{relative.replace('/', os.sep)}"
    try:
        return os.stat(system_path(place))  # noqa: PTH116
    except (OSError, ValueError):
        return None


def _root(path: Path) -> Path:
    try:
        with os.scandir(system_path(path)):
            return path.resolve()
    except OSError as problem:
        meaning = disks.meaning_of(problem)
        where = f"DEXIS 11's image store {os.path.normpath(path)} (source.store in job.toml)"
        what = f"it cannot be listed: {meaning.what}"
        raise EnvironmentProblem(
            what, where=where, next_step=meaning.next_with("run the same command again")
        ) from problem


def _safe_parts(relative: str) -> tuple[str, ...]:
    """The parts of a path that stays below the store, whatever the database says. Raises StoreProblem."""
    try:
        relative.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise StoreProblem(FindingCode.UNREADABLE_FILE, "the path is not UTF-8") from problem
    path = PurePosixPath(relative)
    if not relative or path.is_absolute() or ".." in path.parts or any(_is_odd(part) for part in path.parts):
        raise StoreProblem(FindingCode.UNREADABLE_FILE, "the path leaves the store")
    if any(is_reserved(part) for part in path.parts):
        raise StoreProblem(FindingCode.UNREADABLE_FILE, "a name in its path is one that Windows keeps for itself")
    return path.parts


def _is_odd(part: str) -> bool:
    return any(character in part for character in "\\:\0")


def _inside(root: Path, parts: tuple[str, ...]) -> Path | None:
    """The file, if it is there; a link may lead elsewhere inside the store, never out of it."""
    path = root.joinpath(*parts)
    if not os.path.lexists(system_path(path)):
        return None
    resolved = Path(os.path.realpath(system_path(path)))
    if not resolved.is_relative_to(Path(os.path.realpath(system_path(root)))):
        raise StoreProblem(FindingCode.UNREADABLE_FILE, "a link leads out of the store")
    return resolved


def _content(path: Path) -> bytes:
    descriptor = open_read(path)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise StoreProblem(FindingCode.UNREADABLE_FILE, "it is not a regular file")
        if status.st_size > _MOST_BYTES:
            raise StoreProblem(FindingCode.TOO_LARGE, f"larger than {_MOST_BYTES} bytes")
        content = file.readall()
    if not content:
        raise StoreProblem(FindingCode.EMPTY_FILE, "the file is empty")
    return content


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int, int]]:
    for name, file in _listed(folder):
        if file is None:
            yield from _walk(folder / name, f"{prefix}{name}/")
        else:
            status = file.stat(follow_symlinks=False)
            yield printable(f"{prefix}{name}"), status.st_size, status.st_mtime_ns


def _listed(folder: Path) -> Iterator[tuple[str, os.DirEntry[str] | None]]:
    """What is in a folder, by name. Of a folder nothing but the name is kept: a store may have one for each study."""
    folders, files = _scanned(folder)
    named_folders = ((name, None) for name in sorted(folders, key=_place))
    named_files = ((name, files[name]) for name in sorted(files, key=_place))
    if not folders:
        return named_files
    return merge(named_folders, named_files, key=lambda pair: _place(pair[0]))


def _place(name: str) -> tuple[str, str]:
    """Where a name comes in its folder: as it is listed, and among names listed alike as it is."""
    return printable(name), name


def _scanned(folder: Path) -> tuple[list[str], dict[str, os.DirEntry[str]]]:
    """Folders and files, in no order. On Windows an entry knows size and time without asking the disk again."""
    folders, files = [], {}
    try:
        with os.scandir(system_path(folder)) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                else:
                    files[entry.name] = entry
    except OSError as problem:
        meaning = disks.meaning_of(problem)
        raise EnvironmentProblem(
            f"a folder in it cannot be listed: {meaning.what}",
            where="DEXIS 11's image store (source.store in job.toml)",
            next_step=f"every folder of the store must be readable: {meaning.next_with('run the same command again')}",
        ) from problem
    return folders, files
