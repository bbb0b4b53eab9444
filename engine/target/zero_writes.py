"""Proof that a dry run writes no file: attempts to change a file outside the job's folder are refused and counted.

The guard hears what Python tells of itself. A C library that opens a file by its own call is not heard: that a store or
a database was changed so is found by comparing it before and after. So programs, and databases opened for writing, are
refused as such, whatever they would do.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn
from urllib.parse import parse_qs, urlsplit
from urllib.request import url2pathname

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events that change the file system, and which of their arguments are the paths they change.
_CHANGES: Final = {
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.truncate": (0,),
    "os.utime": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.setxattr": (0,),
    "os.removexattr": (0,),
}
# Audit events of another program that starts: what it writes would not be heard here.
_PROGRAMS: Final = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile"})


class WriteRefused(PermissionError):
    """Something tried to write outside the job's folder during a dry run."""


class WriteGuard:
    """Between enter and exit, this process can change files only below `allowed`. `refused` counts the attempts."""

    def __init__(self, allowed: Path) -> None:
        self._allowed = os.path.normcase(os.path.realpath(allowed))
        self.refused = 0

    def __enter__(self) -> WriteGuard:
        _install()
        _active.append(self)
        # Python may keep compiled modules beside their source; not now.
        self._bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.dont_write_bytecode = self._bytecode
        _active.remove(self)

    def judge(self, path: Any) -> None:
        """Raises WriteRefused unless `path` lies below the allowed folder."""
        if isinstance(path, int) or os.fspath(path) in (os.devnull, os.devnull.encode()):
            return
        place = os.path.normcase(os.path.realpath(os.fsdecode(path)))
        if place != self._allowed and not place.startswith(self._allowed + os.sep):
            self.refuse("a dry run does not write outside the job's folder")

    def refuse(self, what: str) -> NoReturn:
        """Counts an attempt and raises WriteRefused."""
        self.refused += 1
        raise WriteRefused(what)


_active: list[WriteGuard] = []
_installed: list[bool] = []


def _install() -> None:
    """Audit hooks cannot be removed, so there is one for the whole process, idle while no guard is active."""
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active:
        return
    if event == "open":
        if arguments[2] & _WRITING:
            _judge(arguments[0])
    elif event in _PROGRAMS:
        for guard in _active:
            guard.refuse("a dry run starts no other program")
    elif event == "sqlite3.connect":
        if (place := _written_database(arguments[0])) is not None:
            _judge(place)
    elif event in _CHANGES:
        for position in _CHANGES[event]:
            _judge(arguments[position])


def _written_database(name: Any) -> str | None:
    """The file of a SQLite database opened with the right to write; None if there is none. SQLite opens it in C."""
    text = os.fsdecode(name)
    if not text.startswith("file:"):
        return None if text in ("", ":memory:") else text
    address = urlsplit(text)
    if {"ro", "memory"} & set(parse_qs(address.query).get("mode", [])):
        return None
    return url2pathname(address.path)


def _judge(path: Any) -> None:
    for guard in _active:
        guard.judge(path)
