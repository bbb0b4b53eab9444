"""Every fault that the crash matrix provokes: which calls it can hit, and what happens there."""

from __future__ import annotations

import errno
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from engine.failpoints import die
from engine.plan.reader import Plan
from engine.source.store import SourceStore
from tests.engine.tiny import Tiny
from tests.faults.calls import Call, Kind
from tests.faults.power import Power
from tests.simulators.postgresql import libpq

STRANGERS: Final = b"not of this run"
_SMALL: Final = 100  # bytes: the foreign file in an incoming folder of another run
ALWAYS: Final = 1 << 30  # the fault stays until the process ends; a person puts it right before running convert again


@dataclass
class Victim:
    """The process that a fault happens to: its practice, and what the faults need of it."""

    tiny: Tiny
    power: Power
    chance: random.Random
    server: str | None
    held: list[Any] = field(default_factory=list)
    alters_next_read: bool = False

    def slept(self, seconds: float) -> None:
        """The converter waits before it tries again: whoever held a lock is done."""
        while self.held:
            self.held.pop().close()
        if self.server is not None:
            time.sleep(min(seconds, 0.3))


@dataclass(frozen=True, slots=True)
class Fault:
    """`hits` says which calls it can hit; `act` is what happens before such a call. It strikes `times` in a row.

    `every`: the long form strikes at every call that can be hit, not at the first, a middle and the last one.
    `later`: only where the run still makes such a call afterwards.
    """

    title: str
    text: str
    hits: Callable[[Call], bool]
    act: Callable[[Call, Victim], None]
    times: int = 1
    every: bool = False
    later: frozenset[Kind] = frozenset()
    on_server: bool = False
    workers: int = 1


def _step(call: Call) -> bool:
    return call.kind is Kind.STEP


def _file(*names: str) -> Callable[[Call], bool]:
    return lambda call: call.kind is Kind.FILE and call.name in names


def _of(kind: Kind) -> Callable[[Call], bool]:
    return lambda call: call.kind is kind


def _kill(call: Call, victim: Victim) -> None:
    die()


def _forget(call: Call, victim: Victim) -> None:
    victim.power.cut(torn=None)
    die()


def _tear(call: Call, victim: Victim) -> None:
    victim.power.cut(torn=victim.chance)
    die()


def _raises(number: int) -> Callable[[Call, Victim], None]:
    def act(call: Call, victim: Victim) -> None:
        _half(call)
        raise io_error(number)

    return act


def io_error(number: int) -> OSError:
    """As the system raises it; also where Windows is played."""
    error = OSError(number, os.strerror(number))
    error.winerror = None  # type: ignore[attr-defined,unused-ignore]
    return error


def _half(call: Call) -> None:
    """A write that fails leaves a piece behind."""
    if call.name == "write" and call.path is not None:
        os.truncate(call.path, call.path.stat().st_size // 2)


def _locked(call: Call, victim: Victim) -> None:
    """A sharing violation, as Python reports it on Windows."""
    error = PermissionError(errno.EACCES, "The process cannot access the file")
    error.winerror = 32  # type: ignore[attr-defined,unused-ignore]
    raise error


def _rot(call: Call, victim: Victim) -> None:
    """The newest file of the incoming folder lies on the disk otherwise than it was written."""
    files = [path for path in victim.tiny.store.glob(".bitewing-incoming-*/*/*") if path.stat().st_size > _SMALL]
    newest = max(files, key=lambda path: path.stat().st_mtime_ns)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)


def _put_a_strangers_file(call: Call, victim: Victim) -> None:
    """Another program writes where one of our files would go next."""
    with closing(Plan(victim.tiny.job.plan_path)) as plan:
        planned = [image.path for number in plan.numbers() for image in plan.patient(number).images]
    place = next(victim.tiny.store / path for path in planned if not (victim.tiny.store / path).exists())
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(STRANGERS)
    strangers_list(victim.tiny).write_text(str(place), encoding="utf-8")


def strangers_list(tiny: Tiny) -> Path:
    """Where it is kept which file is the stranger's."""
    return tiny.folder.parent / "strangers-file"


def _hold_database(call: Call, victim: Victim) -> None:
    """Another program takes the write lock, or, where we hold it already, reads and so keeps our commit out."""
    file = str(sa.engine.make_url(victim.tiny.target).database)
    other = sqlite3.connect(file, isolation_level=None, timeout=0, check_same_thread=False)
    victim.held.append(other)
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        other.execute("BEGIN")
        with suppress(sqlite3.OperationalError):
            other.execute("SELECT * FROM SystemInfo").fetchall()


def _database_gone(call: Call, victim: Victim) -> None:
    raise sqlite3.OperationalError("server closed the connection unexpectedly")


def _not_committed(call: Call, victim: Victim) -> None:
    raise _lost_answer(victim)


def _committed(call: Call, victim: Victim) -> None:
    call.go()
    raise _lost_answer(victim)


def _lost_answer(victim: Victim) -> Exception:
    error = psycopg.OperationalError if victim.server is not None else sqlite3.OperationalError
    return error("the answer was lost")


def _alter(call: Call, victim: Victim) -> None:
    victim.alters_next_read = True


def _journal_fails(call: Call, victim: Victim) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def _journal_answer_lost(call: Call, victim: Victim) -> None:
    call.go()
    raise sqlite3.OperationalError("disk I/O error")


def _terminate(call: Call, victim: Victim) -> None:
    _backends(victim, "SELECT pg_terminate_backend(pid)")


def _kill_backend(call: Call, victim: Victim) -> None:
    """kill -9 of a server process: the server drops every connection, recovers and starts again."""
    for pid in _backends(victim, "SELECT pid"):
        os.kill(pid, signal.SIGKILL)


def _backends(victim: Victim, what: str) -> list[int]:
    assert victim.server is not None
    name = sa.engine.make_url(victim.tiny.target).database
    query = f"{what} FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
    with psycopg.connect(libpq(victim.server), autocommit=True) as connection:
        return [int(row[0]) for row in connection.execute(query.encode(), (name,))]


_CALLS_DATABASE: Final = frozenset({Kind.DATABASE, Kind.COMMIT})

FAULTS: Final = {
    "kill": Fault("kill -9", "the process is killed", _step, _kill),
    "forget": Fault("power, forgets", "power cut; whatever was not flushed is forgotten", _step, _forget),
    "tear": Fault(
        "power, tears",
        "power cut; of what was not flushed some is kept, some forgotten, files are cut in half or zeroed",
        _step,
        _tear,
    ),
    "io-error": Fault(
        "EIO, Nth call",
        "one call below the store fails with an I/O error, for every N; a failing write leaves half of its bytes",
        _of(Kind.FILE),
        _raises(errno.EIO),
        every=True,
    ),
    "disk-full": Fault(
        "ENOSPC",
        "the disk is full from this call on, until somebody makes room",
        _file("create", "write", "fsync", "mkdir", "link"),
        _raises(errno.ENOSPC),
        times=ALWAYS,
    ),
    "permission": Fault(
        "EACCES",
        "the store's permissions are lost from this call on, until they are given back",
        _file("create", "open", "mkdir", "link", "unlink", "rmdir"),
        _raises(errno.EACCES),
        times=ALWAYS,
    ),
    "locked": Fault(
        "file locked",
        "a sharing violation, as Windows reports it, at two calls in a row",
        _file("create", "open", "link", "unlink"),
        _locked,
        times=2,
    ),
    "altered": Fault(
        "altered on disk",
        "a file lies on the disk otherwise than it was written, before it is read back",
        lambda call: call.kind is Kind.STEP and call.name == "after-write",
        _rot,
        every=True,
    ),
    "stranger": Fault(
        "stranger's file",
        "another program puts a file where ours would go next, until a person takes it away",
        lambda call: call.kind is Kind.STEP and call.name in ("before-sync", "after-write", "after-folder"),
        _put_a_strangers_file,
    ),
    "database-locked": Fault(
        "rows locked",
        "another program holds SQLite's lock until the next attempt",
        _step,
        _hold_database,
        later=_CALLS_DATABASE,
    ),
    "database-gone": Fault(
        "database gone",
        "every statement fails from this one on, until the database is back",
        _of(Kind.DATABASE),
        _database_gone,
        times=ALWAYS,
    ),
    "commit-not-reached": Fault(
        "answer lost, not committed", "the commit was not reached, its answer lost", _of(Kind.COMMIT), _not_committed
    ),
    "commit-reached": Fault(
        "answer lost, committed", "the commit was reached, its answer lost", _of(Kind.COMMIT), _committed
    ),
    "source-error": Fault(
        "source EIO", "a source file cannot be read once", _of(Kind.SOURCE), _raises(errno.EIO), every=True
    ),
    "source-differs": Fault(
        "source differs", "a source file is read with other bytes once", _of(Kind.SOURCE), _alter, every=True
    ),
    "journal-fails": Fault(
        "journal fails",
        "the journal cannot be written from this call on",
        _of(Kind.JOURNAL),
        _journal_fails,
        times=ALWAYS,
    ),
    "journal-answer-lost": Fault(
        "journal answer lost",
        "the journal was written and reports an error",
        lambda call: call.kind is Kind.JOURNAL and call.name == "commit",
        _journal_answer_lost,
    ),
    "worker": Fault("worker killed", "a worker process is killed", _step, _kill, workers=2),
    "pg-kill": Fault("PostgreSQL: kill -9", "the converter is killed", _step, _kill, on_server=True),
    "pg-terminated": Fault(
        "PostgreSQL: connection ended",
        "pg_terminate_backend on the converter's connection",
        _step,
        _terminate,
        later=_CALLS_DATABASE,
        on_server=True,
    ),
    "pg-server-killed": Fault(
        "PostgreSQL: server process killed",
        "kill -9 of the server process behind the connection; the server recovers from its log",
        _step,
        _kill_backend,
        later=_CALLS_DATABASE,
        on_server=True,
    ),
    "pg-not-committed": Fault(
        "PostgreSQL: answer lost, not committed",
        "the commit was not reached, its answer lost",
        _of(Kind.COMMIT),
        _not_committed,
        on_server=True,
    ),
    "pg-committed": Fault(
        "PostgreSQL: answer lost, committed",
        "the commit was reached, its answer lost",
        _of(Kind.COMMIT),
        _committed,
        on_server=True,
    ),
}


def prepare(victim: Victim) -> None:
    """In the victim's process, before it runs: what faults reach the source through, and no waiting for locks."""
    read = SourceStore.open_read

    def open_read(store: SourceStore, relative: str) -> bytes:
        content = read(store, relative)
        if victim.alters_next_read:
            victim.alters_next_read = False
            return content[:-1] + bytes((content[-1] ^ 1,))
        return content

    SourceStore.open_read = open_read  # type: ignore[method-assign]

    @sa.event.listens_for(sa.Engine, "connect")
    def _impatient(connection: Any, record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA busy_timeout = 0")
