"""Durable store-and-forward: what the hub must hear, kept until the hub has acknowledged it.

Promises, also across kill -9 and power cuts (SQLite, WAL, synchronous=FULL):

- An event without a slot is never dropped. It leaves only by acknowledgement.
- An event with a slot replaces the waiting event of the same slot, so a week offline stays small. An event that has
  been sent is never replaced: the hub may already hold it.
- A sequence number is given when an event is first taken for sending, in order and without gaps, and stays its own.
- At most `WINDOW` events are in flight, so what cannot be coalesced any more is bounded.
- What was done (ledger entries taken, orders answered, gates reported) is remembered in the same transaction as the
  events that tell of it.
- How far the egress log goes is remembered too, so that an end cut off it is noticed (`egress_head`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from protocol.errors import EnvironmentProblem

WINDOW = 64  # events in flight: a few seconds of a busy phase, under 100 KiB
SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    seq   INTEGER UNIQUE,
    slot  TEXT,
    at    INTEGER NOT NULL,
    body  BLOB NOT NULL
);
CREATE UNIQUE INDEX waiting_slot ON event (slot) WHERE seq IS NULL AND slot IS NOT NULL;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE answer (id TEXT PRIMARY KEY, body BLOB NOT NULL);
"""

_NEXT_SEQ, _ACKED = "next_seq", "acked"


@dataclass(frozen=True, slots=True)
class Queued:
    """One numbered event: its sequence number, the UTC second it happened, and its body as bytes of the protocol."""

    seq: int
    at: int
    body: bytes


class Outbox:
    """The open outbox. One process at a time: the agent's lock guards it."""

    def __init__(self, path: Path, owner: str | None) -> None:
        """Open or make the outbox of `owner` (practice and run); None while enrolling: nobody owns it yet.

        Raises EnvironmentProblem if it is not usable.
        """
        self._path = path
        with self._translated():
            self._db = sqlite3.connect(path, isolation_level=None, cached_statements=32)
            self._prepare()
        if owner is not None:
            self._claim(owner)

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA cache_size=-256")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise _unusable(self._path, "it was written by a newer version", "install that version or a newer one")
        if self._db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")

    def _claim(self, owner: str) -> None:
        with self.step():
            if self.fact("owner", owner) != owner:
                raise _unusable(self._path, "it belongs to another practice or run", "use the job folder it came from")
            self.remember("owner", owner)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as problem:
            raise _unusable(
                self._path,
                "it cannot be read or written",
                "check free space and permissions; if it is damaged, move it out of the job folder and start again: "
                "the evidence still stands in the ledger and is sent anew",
            ) from problem

    @contextmanager
    def step(self) -> Iterator[None]:
        """Everything inside happens durably, or not at all. A step inside a step belongs to the outer one."""
        if self._db.in_transaction:
            yield
            return
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def queue(self, body: bytes, at: int, slot: str | None = None) -> None:
        """Add an event that happened at UTC second `at`; with a slot it replaces the one still waiting there."""
        with self.step():
            if slot is not None:
                self._db.execute("DELETE FROM event WHERE slot = ? AND seq IS NULL", (slot,))
            self._db.execute("INSERT INTO event (slot, at, body) VALUES (?, ?, ?)", (slot, at, body))

    def take(self) -> tuple[Queued, ...]:
        """Every event in flight, in order, after numbering waiting events as far as the window allows."""
        with self.step():
            self._number()
            rows = self._db.execute("SELECT seq, at, body FROM event WHERE seq IS NOT NULL ORDER BY seq").fetchall()
        return tuple(Queued(*row) for row in rows)

    def _number(self) -> None:
        seq = self.next_seq
        room = WINDOW - self._count("SELECT COUNT(*) FROM event WHERE seq IS NOT NULL")
        waiting = self._db.execute("SELECT place FROM event WHERE seq IS NULL ORDER BY place LIMIT ?", (max(room, 0),))
        for (place,) in waiting.fetchall():
            self._db.execute("UPDATE event SET seq = ? WHERE place = ?", (seq, place))
            seq += 1
        if seq != self.next_seq:
            self.remember(_NEXT_SEQ, str(seq))

    def acknowledge(self, seq: int) -> None:
        """The hub holds everything up to and including `seq`. Acknowledging again, or less than before, is harmless."""
        if seq <= self.acked:
            return
        with self.step():
            self._db.execute("DELETE FROM event WHERE seq <= ?", (seq,))
            self.remember(_ACKED, str(seq))
            if seq >= self.next_seq:
                self.remember(_NEXT_SEQ, str(seq + 1))

    @property
    def next_seq(self) -> int:
        """The number the next event gets; the first is 1."""
        return int(self.fact(_NEXT_SEQ, "1"))

    @property
    def is_new(self) -> bool:
        """Whether no event was ever numbered here: the hub may then know a higher number, and numbering follows it."""
        return self.next_seq == 1 and self.acked == 0

    @property
    def acked(self) -> int:
        """The highest number the hub has acknowledged; 0 before the first."""
        return int(self.fact(_ACKED, "0"))

    @property
    def pending(self) -> int:
        """How many events the hub has not acknowledged yet."""
        return self._count("SELECT COUNT(*) FROM event")

    def _count(self, question: str) -> int:
        return int(self._db.execute(question).fetchone()[0])

    def fact(self, name: str, default: str) -> str:
        """What was remembered under this name."""
        with self._translated():
            row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row[0])

    def remember(self, name: str, value: str) -> None:
        """Remember a value under this name, replacing the one before."""
        with self.step():
            self._db.execute("INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)", (name, value))

    def answer(self, order: str) -> bytes | None:
        """The answer already given to this order."""
        with self._translated():
            row = self._db.execute("SELECT body FROM answer WHERE id = ?", (order,)).fetchone()
        return None if row is None else bytes(row[0])

    def answered(self, order: str, body: bytes) -> None:
        """Remember the answer to this order for as long as the outbox lives."""
        with self.step():
            self._db.execute("INSERT INTO answer (id, body) VALUES (?, ?)", (order, body))

    def close(self) -> None:
        """Close the file; everything is already on disk."""
        self._db.close()


def _unusable(path: Path, why: str, next_step: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"the outbox cannot be used: {why}", where=path.name, next_step=next_step)
