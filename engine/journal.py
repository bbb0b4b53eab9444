"""journal.sqlite: which patient is where in the conversion. Every word is on the disk before the next step.

It says what was intended and what is finished. What really happened is asked of the target itself (`target.patient`).
It follows one plan after the other: a top-up's first intent binds it to the new plan in the same transaction, and a
patient of an earlier plan stays DONE until the change in which it leaves the target is DONE.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from engine.meanings.databases import of_own_file, told
from engine.numbers import Numbers
from engine.target.files import PlannedFile
from engine.target.keys import Keys, Made
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import Refusal

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS header (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY, state TEXT NOT NULL, attempt INTEGER NOT NULL, keys BLOB NOT NULL, detail TEXT,
    replaces INTEGER);
CREATE TABLE IF NOT EXISTS file (
    number INTEGER NOT NULL REFERENCES entry, path TEXT NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (number, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS made (number INTEGER PRIMARY KEY REFERENCES entry, keys BLOB NOT NULL);
"""


class State(StrEnum):
    """Where a patient stands."""

    NEW = "new"  # no entry: nothing was ever tried
    INTENT = "intent"  # an attempt began; the target knows how far it came
    UNDONE = "undone"  # an attempt was rolled back whole
    DONE = "done"  # rows committed and files in place
    SET_ASIDE = "set-aside"  # kept failing, rolled back whole
    REPLACED = "replaced"  # was done, and left the target when its successor was done


# From a state to the states that may follow it.
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.NEW: frozenset({State.INTENT, State.SET_ASIDE}),
        State.INTENT: frozenset({State.DONE, State.UNDONE}),
        State.UNDONE: frozenset({State.INTENT, State.SET_ASIDE}),
        State.SET_ASIDE: frozenset({State.INTENT, State.SET_ASIDE}),
        State.DONE: frozenset({State.REPLACED}),
        State.REPLACED: frozenset(),
    }
)


@dataclass(frozen=True, slots=True)
class Intent:
    """What an attempt set out to do: planned keys, final paths and the digests that make the files ours.

    `replaces` is the patient that leaves the target in the same change, if one does.
    """

    number: int
    attempt: int
    keys: Keys
    files: tuple[PlannedFile, ...]
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a journal says as a whole: the digest of the plan it follows, and every patient ever tried."""

    plan: str | None = None
    states: Mapping[int, State] = field(default_factory=dict)


class Journal:
    """The journal of one run's conversion. One process writes it; every change is durable when the call returns."""

    def __init__(self, path: Path, run: str, plan: str, previous: str | None = None) -> None:
        """Opens or begins the journal for a plan, given by digest, that builds on `previous`.

        Raises Refused if it belongs to another run, or follows neither of the two plans.
        """
        self._path, self._plan = path, plan
        with self._translated():
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")
            self._add_missing_columns()
        self._require_run(run)
        self._require_plan(plan, previous)

    def has_begun(self) -> bool:
        """Whether any change of the plan was ever tried."""
        return self._follows() == self._plan

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

    def states(self) -> Mapping[int, State]:
        """Where every patient stands that was ever tried."""
        with self._translated():
            return {number: State(state) for number, state in self._database.execute("SELECT number, state FROM entry")}

    def numbers(self, state: State) -> list[int]:
        """The patients that stand at `state` (never NEW), in order."""
        with self._translated():
            found = self._database.execute("SELECT number FROM entry WHERE state = ? ORDER BY number", (state,))
            return [number for (number,) in found]

    def intent(self, number: int) -> Intent:
        """What the newest attempt at a patient set out to do."""
        with self._translated():
            attempt, keys, replaces = self._database.execute(
                "SELECT attempt, keys, replaces FROM entry WHERE number = ?", (number,)
            ).fetchone()
            files = self._database.execute("SELECT path, sha256 FROM file WHERE number = ? ORDER BY path", (number,))
            planned = tuple(PlannedFile(*row) for row in files)
            return Intent(number, attempt, msgspec.json.decode(keys, type=Keys), planned, replaces)

    def files_done(self, numbers: Numbers) -> int:
        """Files of those of `numbers` that are done."""
        query = "SELECT number, COUNT(*) FROM file JOIN entry USING (number) WHERE state = ? GROUP BY number"
        with self._translated():
            counts = self._database.execute(query, (State.DONE,))
            return sum(count for number, count in counts if number in numbers)

    def begin(self, number: int, keys: Keys, files: Sequence[PlannedFile], replaces: int | None = None) -> None:
        """Journals the intent of the next attempt. A patient that leaves in the same change must be done."""
        if replaces is not None:
            self._require_may_become(replaces, State.REPLACED)
        with self._step(number, State.INTENT):
            self._database.execute(
                "INSERT INTO entry (number, state, attempt, keys, replaces) VALUES (?,?,1,?,?)"
                " ON CONFLICT (number) DO UPDATE SET state = excluded.state, attempt = attempt + 1,"
                " keys = excluded.keys, detail = NULL, replaces = excluded.replaces",
                (number, State.INTENT, msgspec.json.encode(keys), replaces),
            )
            self._database.execute("DELETE FROM file WHERE number = ?", (number,))
            self._database.execute("DELETE FROM made WHERE number = ?", (number,))
            rows = [(number, file.path, file.sha256) for file in files]
            self._database.executemany("INSERT INTO file VALUES (?,?,?)", rows)

    def made_keys(self, number: int, made: Made) -> None:
        """The keys that the target's database made for this attempt; to be said before the attempt is committed."""
        with self._transaction():
            self._database.execute("INSERT INTO made VALUES (?,?)", (number, msgspec.json.encode(made)))

    def made(self, number: int) -> Made:
        """The keys that the target's database made for the newest attempt; none if it was never near a commit."""
        with self._translated():
            return _made(self._database, number)

    def done(self, number: int) -> None:
        """The patient is committed whole, and the one that it replaces has left."""
        self._require_may_become(number, State.DONE)
        replaces = self.intent(number).replaces
        with self._step(number, State.DONE):
            self._set(number, State.DONE, None)
            if replaces is not None:
                self._require_may_become(replaces, State.REPLACED)
                self._set(replaces, State.REPLACED, None)

    def undone(self, number: int) -> None:
        """The patient's attempt was rolled back whole."""
        with self._step(number, State.UNDONE):
            self._set(number, State.UNDONE, None)

    def set_aside(self, number: int, detail: str) -> None:
        """The patient is left for a person to look at; nothing of it is in the target."""
        with self._step(number, State.SET_ASIDE):
            self._database.execute(
                "INSERT INTO entry (number, state, attempt, keys, detail) VALUES (?,?,0,'null',?)"
                " ON CONFLICT (number) DO UPDATE SET state = excluded.state, detail = excluded.detail",
                (number, State.SET_ASIDE, detail),
            )

    def close(self) -> None:
        self._database.close()

    def _set(self, number: int, state: State, detail: str | None) -> None:
        self._database.execute("UPDATE entry SET state = ?, detail = ? WHERE number = ?", (state, detail, number))

    def _require_run(self, run: str) -> None:
        found = self._header("run")
        if found is None:
            with self._transaction():
                self._database.execute("INSERT INTO header VALUES ('run', ?)", (run,))
        elif found != run:
            raise self._refused(Refusal.WRONG_RUN, "the journal belongs to another run")

    def _require_plan(self, plan: str, previous: str | None) -> None:
        follows = self._follows()
        if follows is None and previous is not None:
            raise self._refused(Refusal.EVIDENCE_NOT_NEWEST, "the journal of the earlier conversion is not there")
        if follows not in (None, plan, previous):
            raise self._refused(Refusal.EVIDENCE_NOT_NEWEST, "the journal belongs to another plan")

    def _refused(self, reason: Refusal, what: str) -> Refused:
        self.close()
        return Refused(
            reason,
            what,
            where=self._path.name,
            next_step="put back journal.sqlite and plan.sqlite, both of the newest day",
        )

    def _follows(self) -> str | None:
        """The digest of the plan whose changes were tried last; None before the first attempt of all."""
        with self._translated():
            return _followed(self._database)

    def _add_missing_columns(self) -> None:
        """A journal that an earlier version began has no `replaces`."""
        names = {row[1] for row in self._database.execute("PRAGMA table_info(entry)")}
        if "replaces" not in names:
            self._database.execute("ALTER TABLE entry ADD COLUMN replaces INTEGER")

    def _header(self, name: str) -> Any:
        with self._translated():
            found = self._database.execute("SELECT value FROM header WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    @contextmanager
    def _step(self, number: int, to: State) -> Iterator[None]:
        """One transaction; the first attempt at any change of a plan binds the journal to that plan."""
        self._require_may_become(number, to)
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO header VALUES ('plan', ?)", (self._plan,))
            yield

    def _require_may_become(self, number: int, to: State) -> None:
        before = self.state(number)
        if to not in TRANSITIONS[before]:
            raise ValueError(f"patient {number} is {before} in the journal and cannot become {to}")

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
            raise _in_words(problem, self._path) from problem


def recorded(path: Path) -> Recorded:
    """What the journal at `path` says; nothing if there is none. No file is made."""
    if not path.exists():
        return Recorded()
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            states = database.execute("SELECT number, state FROM entry").fetchall()
            return Recorded(_followed(database), {number: State(state) for number, state in states})
    except (sqlite3.Error, ValueError) as problem:
        raise _in_words(problem, path) from problem


def recorded_made(path: Path, number: int) -> Made:
    """What the journal at `path` says of the keys that the database made for a patient that is done."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'made'").fetchone():
                return {}
            return _made(database, number)
    except (sqlite3.Error, msgspec.MsgspecError) as problem:
        raise _in_words(problem, path) from problem


def _in_words(error: Exception, path: Path) -> EnvironmentProblem:
    """What keeps the journal from being used: its disk, or its own damage. Without it a conversion is not resumed."""
    meaning = of_own_file(error)
    return EnvironmentProblem(
        told(meaning.what, error),
        where=f"{path.name} in the job folder {path.parent}",
        next_step=meaning.next_with("run the same command again; it resumes"),
    )


def _made(database: sqlite3.Connection, number: int) -> Made:
    found = database.execute("SELECT keys FROM made WHERE number = ?", (number,)).fetchone()
    return msgspec.json.decode(found[0], type=dict[str, dict[int, int]]) if found else {}


def _followed(database: sqlite3.Connection) -> str | None:
    """An earlier version bound its journal before the first attempt, when nothing depended on it yet."""
    query = "SELECT value FROM header WHERE name = 'plan' AND EXISTS (SELECT 1 FROM entry)"
    found = database.execute(query).fetchone()
    return str(found[0]) if found else None
