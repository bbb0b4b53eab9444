"""What a conversion asks of the outside, call by call: every one can be watched, counted, and made to fail.

Files are watched through Python's audit events and `os.fsync`, below whatever the engine itself calls; rows through
SQLAlchemy's and the driver's own hooks. It is for a process that ends afterwards: audit hooks cannot be taken off.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

import engine.journal
from engine.failpoints import arm

START: Final = "start"  # before the first step
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events that speak of files: what we call them, where their path stands, and where its folder's descriptor.
_EVENTS: Final = {
    "os.mkdir": ("mkdir", 0, 2),
    "os.remove": ("unlink", 0, 1),
    "os.rmdir": ("rmdir", 0, 1),
    "os.link": ("link", 1, 3),
    "os.rename": ("rename", 1, 3),
    "os.scandir": ("list", 0, None),
    "os.listdir": ("list", 0, None),
}


class Kind(StrEnum):
    """What a call is about."""

    STEP = "step"  # a step of engine.failpoints is passed
    FILE = "file"  # something below the target store
    SOURCE = "source"  # a source file is opened
    JOURNAL = "journal"  # a transaction of the journal begins or is to be committed
    DATABASE = "database"  # a statement is sent to the target database
    COMMIT = "commit"  # rows of the target are to be committed


@dataclass(frozen=True, slots=True)
class Call:
    """One call about to be made, after `step` was passed, or by passing it.

    `go` makes it where a watcher may want to; `source` is where a link comes from.
    """

    step: str
    kind: Kind
    name: str
    path: Path | None = None
    source: Path | None = None
    go: Callable[[], Any] = lambda: None


class Watcher(Protocol):
    """Sees every call. What `before` raises is how the call fails."""

    def before(self, call: Call) -> None: ...

    def synced(self, path: Path) -> None:
        """A file or folder was flushed."""


class Watch:
    """Watches this process until its end. The watcher sees one call at a time, whichever thread makes it."""

    def __init__(self, watcher: Watcher, store: Path, source: Path, target: str) -> None:
        """`store` and `source` are the two stores' folders, `target` is the target database's URL."""
        self._watcher, self._store, self._source = watcher, os.path.realpath(store), os.path.realpath(source)
        self._target, self._wrote = sa.engine.make_url(target).database, False
        self._written: Path | None = None
        self._one_at_a_time, self._here, self._step_of_main = threading.RLock(), threading.local(), START
        self._watch_files()
        self._watch_journal()
        self._watch_database()
        arm(self._passed)

    def _tell(self, kind: Kind, name: str, path: Path | None = None, **more: Any) -> None:
        """What the watcher itself does is not watched."""
        if self._is_watching():
            return
        self._here.watching = True
        try:
            with self._one_at_a_time:
                self._watcher.before(Call(self._step(), kind, name, path, **more))
        finally:
            self._here.watching = False

    def _is_watching(self) -> bool:
        return getattr(self._here, "watching", False)

    def _step(self) -> str:
        """The step passed last in this thread. One that passed none yet was begun by the main thread, at its step."""
        return getattr(self._here, "step", self._step_of_main)

    def _passed(self, name: str) -> None:
        if name == "before-sync":  # no audit event tells of bytes written
            self._tell(Kind.FILE, "write", self._written)
        self._here.step = name
        if threading.current_thread() is threading.main_thread():
            self._step_of_main = name
        self._tell(Kind.STEP, name)

    def _watch_files(self) -> None:
        sys.addaudithook(self._audited)
        fsync = os.fsync

        def watched(descriptor: int) -> None:
            place = _of_descriptor(descriptor)
            if self._below(place, self._store):
                self._tell(Kind.FILE, "fsync", place)
            fsync(descriptor)
            self._watcher.synced(place)

        os.fsync = watched

    def _audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._is_watching():
            return
        if event == "open":
            self._opened(arguments)
        elif event in _EVENTS:
            name, position, folder = _EVENTS[event]
            place = _place(arguments[position], -1 if folder is None else arguments[folder])
            if self._below(place, self._store):
                source = _place(arguments[0], arguments[2]) if name in ("link", "rename") else None
                self._tell(Kind.FILE, name, place, source=source)

    def _opened(self, arguments: tuple[Any, ...]) -> None:
        path, _, flags = arguments
        if isinstance(path, int) or not Path(os.fsdecode(path)).is_absolute():
            return  # `shutil.rmtree` looks into a folder by its descriptor
        place = _place(path, -1)
        if self._below(place, self._store):
            writes = bool(flags & _WRITING)
            self._written = place if writes else self._written
            self._tell(Kind.FILE, "create" if writes else "open", place)
        elif self._below(place, self._source):
            self._tell(Kind.SOURCE, "open", place)

    @staticmethod
    def _below(place: Path, root: str) -> bool:
        return str(place).startswith(f"{root}{os.sep}") or str(place) == root

    def _watch_journal(self) -> None:
        tell = self._tell

        class Watched(sqlite3.Connection):
            def execute(self, statement: str, *more: Any) -> sqlite3.Cursor:
                word = statement.split(maxsplit=1)[0]
                if word in ("BEGIN", "COMMIT"):
                    tell(Kind.JOURNAL, word.lower(), go=lambda: super(Watched, self).execute(statement))
                return super().execute(statement, *more)

        def connect(path: Any, **more: Any) -> sqlite3.Connection:
            return sqlite3.connect(path, factory=Watched, **more)

        engine.journal.sqlite3 = SimpleNamespace(**{**vars(sqlite3), "connect": connect})  # type: ignore[attr-defined]

    def _watch_database(self) -> None:
        @sa.event.listens_for(sa.Engine, "before_cursor_execute")
        def _statement(connection: sa.Connection, _: Any, statement: str, *more: Any) -> None:
            if connection.engine.url.database == self._target:
                self._wrote |= statement.lstrip()[:6].upper() in ("INSERT", "DELETE", "UPDATE")
                self._tell(Kind.DATABASE, statement.split(maxsplit=1)[0].lower())

        commit, rollback = DefaultDialect.do_commit, DefaultDialect.do_rollback

        def committing(dialect: Any, connection: Any) -> None:
            if self._wrote:
                self._wrote = False
                self._tell(Kind.COMMIT, "commit", go=lambda: commit(dialect, connection))
            commit(dialect, connection)

        def rolling_back(dialect: Any, connection: Any) -> None:
            self._wrote = False
            rollback(dialect, connection)

        DefaultDialect.do_commit, DefaultDialect.do_rollback = committing, rolling_back  # type: ignore[method-assign]


def _place(path: Any, folder: int) -> Path:
    """Where a path leads that may be a descriptor, or relative to one."""
    if isinstance(path, int):
        return _of_descriptor(path)
    base = _of_descriptor(folder) if folder >= 0 else Path.cwd()
    return Path(os.path.normpath(base / os.fsdecode(path)))


def _of_descriptor(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()
