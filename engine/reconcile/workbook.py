"""What was seen of the target and the disk, kept in a private working file while it is compared: memory stays flat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from engine.reconcile.normal import Facts

_SCHEMA = """
CREATE TABLE line (place TEXT, key TEXT, parent TEXT, facts BLOB);
CREATE TABLE looked (image TEXT, facts BLOB);
CREATE TABLE file (path TEXT, key TEXT, size INTEGER);
CREATE TABLE word (entity TEXT, word TEXT, key TEXT);
CREATE TABLE claim (entity TEXT, key TEXT, PRIMARY KEY (entity, key)) WITHOUT ROWID;
CREATE TABLE claimed_file (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX line_key ON line (place, key);
CREATE INDEX line_parent ON line (place, parent);
CREATE INDEX looked_image ON looked (image);
CREATE INDEX file_key ON file (key);
CREATE INDEX word_key ON word (entity, word);
"""

Line = tuple[str, str, str | None, Facts]  # table, key, key of what it belongs to, facts
_decoder = msgspec.json.Decoder(dict[str, str | None])


class Workbook:
    """Rows, look-ups and files to be claimed by what the source holds; what nobody claims is extra."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)

    def close(self) -> None:
        self._base.close()

    def index(self) -> None:
        """Called once, after everything was put in and before anything is asked."""
        self._base.executescript(_INDEXES)

    def put_lines(self, lines: Iterable[Line]) -> int:
        """Keeps rows of the target; returns how many."""
        packed = ((place, key, parent, msgspec.json.encode(facts)) for place, key, parent, facts in lines)
        return self._put("INSERT INTO line VALUES (?, ?, ?, ?)", packed)

    def put_looked(self, rows: Iterable[tuple[str, Facts]]) -> None:
        """Keeps what the look-up found, by image key."""
        packed = ((image, msgspec.json.encode(facts)) for image, facts in rows)
        self._put("INSERT INTO looked VALUES (?, ?)", packed)

    def put_files(self, files: Iterable[tuple[str, str | None, int]]) -> None:
        """Keeps files: path, the image key its path stands for, size."""
        self._put("INSERT INTO file VALUES (?, ?, ?)", files)

    def put_words(self, words: Iterable[tuple[str, str, str]]) -> None:
        """Keeps entity, a word by which it may be found, and its key."""
        self._put("INSERT INTO word VALUES (?, ?, ?)", words)

    def lines(self, place: str, key: str) -> list[Facts]:
        """The rows of one table with this key."""
        rows = self._base.execute("SELECT facts FROM line WHERE place = ? AND key = ?", (place, key))
        return [_decoder.decode(facts) for (facts,) in rows]

    def children(self, place: str, parent: str) -> list[str]:
        """Keys of the rows of one table that belong to `parent`."""
        rows = self._base.execute("SELECT DISTINCT key FROM line WHERE place = ? AND parent = ?", (place, parent))
        return [key for (key,) in rows]

    def looked(self, image: str) -> list[Facts]:
        rows = self._base.execute("SELECT facts FROM looked WHERE image = ?", (image,))
        return [_decoder.decode(facts) for (facts,) in rows]

    def files(self, image: str) -> list[str]:
        """Paths that stand for this image."""
        return [path for (path,) in self._base.execute("SELECT path FROM file WHERE key = ?", (image,))]

    def found(self, entity: str, word: str) -> list[str]:
        """Keys of the entity that were put in under `word`, in order."""
        rows = self._base.execute(
            "SELECT DISTINCT key FROM word WHERE entity = ? AND word = ? ORDER BY rowid", (entity, word)
        )
        return [key for (key,) in rows]

    def claim(self, entity: str, key: str) -> None:
        self._base.execute("INSERT OR IGNORE INTO claim VALUES (?, ?)", (entity, key))

    def is_claimed(self, entity: str, key: str) -> bool:
        row = self._base.execute("SELECT 1 FROM claim WHERE entity = ? AND key = ?", (entity, key)).fetchone()
        return row is not None

    def claim_file(self, path: str) -> None:
        self._base.execute("INSERT OR IGNORE INTO claimed_file VALUES (?)", (path,))

    def unclaimed_lines(self, place: str, entity: str) -> Iterator[str]:
        """The key of every row of a table that no source entity claims."""
        unclaimed = "key NOT IN (SELECT key FROM claim WHERE entity = ?)"
        sql = f"SELECT key FROM line WHERE place = ? AND {unclaimed} ORDER BY rowid"  # noqa: S608 - a constant
        return (key for (key,) in self._base.execute(sql, (place, entity)))

    def unclaimed_files(self) -> Iterator[str]:
        sql = "SELECT path FROM file WHERE path NOT IN (SELECT path FROM claimed_file) ORDER BY path"
        return (path for (path,) in self._base.execute(sql))

    def file_totals(self) -> tuple[int, int]:
        """Files on disk, and their bytes."""
        count, size = self._base.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM file").fetchone()
        return int(count), int(size)

    def _put(self, sql: str, rows: Iterable[tuple[object, ...]]) -> int:
        self._base.execute("BEGIN")
        count = self._base.executemany(sql, rows).rowcount
        self._base.execute("COMMIT")
        return count
