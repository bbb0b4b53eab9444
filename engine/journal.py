"""journal.sqlite: which patient is where in the conversion. Every word is on the disk before the next step.

It says what was intended and what is finished. What really happened is asked of the target itself (`target.patient`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from engine.target.files import PlannedFile
from engine.target.keys import Keys
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import Refusal

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS header (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY, state TEXT NOT NULL, attempt INTEGER NOT NULL, keys BLOB NOT NULL, detail TEXT);
CREATE TABLE IF NOT EXISTS file (
    number INTEGER NOT NULL REFERENCES entry, path TEXT NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (number, path)) WITHOUT ROWID;
"""


class State(StrEnum):
    """Where a patient stands."""

    NEW = "new"  # no entry: nothing was ever tried
    INTENT = "intent"  # an attempt began; the target knows how far it came
    UNDONE = "undone"  # an attempt was rolled back whole
    DONE = "done"  # rows committed and files in place
    SET_ASIDE = "set-aside"  # kept failing, rolled back whole


# From a state to the states that may follow it.
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.NEW: frozenset({State.INTENT, State.SET_ASIDE}),
        State.INTENT: frozenset({State.DONE, State.UNDONE}),
        State.UNDONE: frozenset({State.INTENT, State.SET_ASIDE}),
        State.SET_ASIDE: frozenset({State.INTENT, State.SET_ASIDE}),
        State.DONE: frozenset(),
    }
)


@dataclass(frozen=True, slots=True)
class Intent:
    """What an attempt set out to do: planned keys, final paths and the digests that make the files ours."""

    number: int
    attempt: int
    keys: Keys
    files: tuple[PlannedFile, ...]


class Journal:
    """The journal of one run's conversion. One process writes it; every change is durable when the call returns."""

    def __init__(self, path: Path, run: str, plan_digest: str) -> None:
        """Opens or begins the journal. Raises Refused if it belongs to another run or plan."""
        self._path = path
        with self._translated():
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")
        self._require("run", run, Refusal.WRONG_RUN, "the journal belongs to another run")
        self._require("plan", plan_digest, Refusal.EVIDENCE_NOT_NEWEST, "the journal belongs to another plan")

    def next_session(self) -> int:
        """The number of this start of the conversion, counted from 1."""
        session = int(self._header("session") or 0) + 1
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO header VALUES ('session', ?)", (str(session),))
        return session

    def state(self, number: int) -> State:
        """Where a patient stands."""
        with self._translated():
            found = self._database.execute("SELECT state FROM entry WHERE number = ?", (number,)).fetchone()
        return State(found[0]) if found else State.NEW

    def numbers(self, state: State) -> list[int]:
        """The patients that stand at `state` (never NEW), in order."""
        with self._translated():
            found = self._database.execute("SELECT number FROM entry WHERE state = ? ORDER BY number", (state,))
            return [number for (number,) in found]

    def has_entries(self) -> bool:
        """Whether any patient was ever tried."""
        with self._translated():
            return self._database.execute("SELECT 1 FROM entry LIMIT 1").fetchone() is not None

    def intent(self, number: int) -> Intent:
        """What the newest attempt at a patient set out to do."""
        with self._translated():
            attempt, keys = self._database.execute(
                "SELECT attempt, keys FROM entry WHERE number = ?", (number,)
            ).fetchone()
            files = self._database.execute("SELECT path, sha256 FROM file WHERE number = ? ORDER BY path", (number,))
            return Intent(
                number, attempt, msgspec.json.decode(keys, type=Keys), tuple(PlannedFile(*row) for row in files)
            )

    def files_done(self) -> int:
        """Files of every patient that is done."""
        with self._translated():
            query = "SELECT COUNT(*) FROM file JOIN entry USING (number) WHERE state = ?"
            return int(self._database.execute(query, (State.DONE,)).fetchone()[0])

    def begin(self, number: int, keys: Keys, files: Sequence[PlannedFile]) -> None:
        """Journals the intent of the next attempt."""
        with self._step(number, State.INTENT):
            self._database.execute(
                "INSERT INTO entry VALUES (?,?,1,?,NULL) ON CONFLICT (number) DO UPDATE"
                " SET state = excluded.state, attempt = attempt + 1, keys = excluded.keys, detail = NULL",
                (number, State.INTENT, msgspec.json.encode(keys)),
            )
            self._database.execute("DELETE FROM file WHERE number = ?", (number,))
            rows = [(number, file.path, file.sha256) for file in files]
            self._database.executemany("INSERT INTO file VALUES (?,?,?)", rows)

    def done(self, number: int) -> None:
        """The patient is committed whole."""
        with self._step(number, State.DONE):
            self._set(number, State.DONE, None)

    def undone(self, number: int) -> None:
        """The patient's attempt was rolled back whole."""
        with self._step(number, State.UNDONE):
            self._set(number, State.UNDONE, None)

    def set_aside(self, number: int, detail: str) -> None:
        """The patient is left for a person to look at; nothing of it is in the target."""
        with self._step(number, State.SET_ASIDE):
            self._database.execute(
                "INSERT INTO entry VALUES (?,?,0,'null',?) ON CONFLICT (number) DO UPDATE"
                " SET state = excluded.state, detail = excluded.detail",
                (number, State.SET_ASIDE, detail),
            )

    def close(self) -> None:
        self._database.close()

    def _set(self, number: int, state: State, detail: str | None) -> None:
        self._database.execute("UPDATE entry SET state = ?, detail = ? WHERE number = ?", (state, detail, number))

    def _require(self, name: str, value: str, reason: Refusal, what: str) -> None:
        found = self._header(name)
        if found is None:
            with self._transaction():
                self._database.execute("INSERT INTO header VALUES (?,?)", (name, value))
        elif found != value:
            self.close()
            raise Refused(
                reason, what, where=self._path.name, next_step="restore the plan it was made for, or begin a new job"
            )

    def _header(self, name: str) -> Any:
        with self._translated():
            found = self._database.execute("SELECT value FROM header WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    @contextmanager
    def _step(self, number: int, to: State) -> Iterator[None]:
        before = self.state(number)
        if to not in TRANSITIONS[before]:
            raise ValueError(f"patient {number} is {before} in the journal and cannot become {to}")
        with self._transaction():
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._translated():
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as problem:
            raise EnvironmentProblem(
                f"the journal cannot be used ({problem.__class__.__name__})",
                where=self._path.name,
                next_step="free space or restore the file from backup; without its journal a conversion is not resumed",
            ) from problem


def has_begun(path: Path) -> bool:
    """Whether the journal at `path` records any attempt. No file is made."""
    if not path.exists():
        return False
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return database.execute("SELECT 1 FROM entry LIMIT 1").fetchone() is not None
        finally:
            database.close()
    except sqlite3.Error as problem:
        raise EnvironmentProblem(
            "the journal cannot be read", where=path.name, next_step="restore it from backup"
        ) from problem
