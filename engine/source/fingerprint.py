"""What the source was like when it was staged, small enough to keep and to compare again before each phase.

Staging: tables, columns, row counts, and a digest of every row of every table. Store: names, sizes and modification
times of all files, listed in a file of its own; their content is read in whole by the dry run, whose plan keeps a
digest of each file (`phases/source_content.py` compares them), by conversion and by reconciliation. Backup: its bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from engine.job import Job
from engine.running.counting import counted
from engine.source.database import SourceDatabase
from engine.source.listing import StoreFingerprint, listed, write_listing
from engine.source.snapshot.backup import backup_digest
from engine.source.snapshot.staging import MARKER
from protocol.errors import EnvironmentProblem, UsageProblem

Done = Callable[[int, int], None]
"""Hears how many more rows were read, and how many more files listed."""

_MODULUS: Final = 2**256


class TableFingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table: its columns, how many rows, and a digest of the rows that does not depend on their order."""

    columns: tuple[str, ...]
    rows: int
    digest: str


Tables = Mapping[str, TableFingerprint]


class Fingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The source of one run."""

    run: str
    tables: dict[str, TableFingerprint]
    store: StoreFingerprint
    backup: str

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())

    def save(self, path: Path) -> None:
        """Write it to `path`, whole or not at all."""
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    @staticmethod
    def load(path: Path, run: str) -> Fingerprint:
        """The fingerprint taken for `run`. Raises UsageProblem if there is none, EnvironmentProblem if damaged."""
        try:
            fingerprint = msgspec.json.decode(path.read_bytes(), type=Fingerprint)
        except FileNotFoundError as problem:
            advice = "run bitewing-engine stage"
            raise UsageProblem("the source was not staged yet", where=str(path), next_step=advice) from problem
        except (OSError, msgspec.DecodeError) as problem:
            advice = "run bitewing-engine stage again"
            raise EnvironmentProblem(
                "the source fingerprint is damaged", where=str(path), next_step=advice
            ) from problem
        if fingerprint.run != run:
            raise UsageProblem("the source fingerprint is of another run", where=str(path), next_step="run stage again")
        return fingerprint


def take(job: Job, database: SourceDatabase, done: Done = lambda rows, files: None) -> Fingerprint:
    """Take down the source as it is now: the store's files in their list, the rest in what is returned and kept
    with `save`. Reads all rows of staging and lists the store; `done` hears how many more rows and files were."""
    files = counted(listed(job.source.store), lambda more: done(0, more))
    return Fingerprint(
        run=job.run_id,
        tables=take_tables(database, lambda more: done(more, 0)),
        store=write_listing(job.listing_path, files),
        backup=backup_digest(job.source.snapshot.path),
    )


def take_tables(
    database: SourceDatabase, done: Callable[[int], None] = lambda rows: None
) -> dict[str, TableFingerprint]:
    """The tables of staging as they are now, but for our own marker. Reads every row."""
    return {name: _table(database, name, columns, done) for name, columns in _tables(database)}


def differences(before: Tables, now: Tables) -> list[str]:
    """A sentence for each table that is not what it was; empty if nothing changed."""
    names = sorted(before.keys() | now.keys())
    return [sentence for name in names if (sentence := _table_difference(before.get(name), now.get(name), name))]


def _tables(database: SourceDatabase) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((name, columns) for name, columns in database.tables().items() if name != MARKER)


def _table(
    database: SourceDatabase, name: str, columns: tuple[str, ...], done: Callable[[int], None]
) -> TableFingerprint:
    """Row digests are added up: equal sums mean equal bags of rows, and nothing has to be sorted or kept."""
    rows, total = 0, 0
    for row in counted(database.table_rows(name, columns), done):
        rows += 1
        total += int.from_bytes(hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=32).digest())
    return TableFingerprint(columns, rows, f"{total % _MODULUS:064x}")


def _table_difference(was: TableFingerprint | None, is_now: TableFingerprint | None, name: str) -> str | None:
    if was is None or is_now is None:
        return f"staging: table {name} is {'new' if was is None else 'gone'}"
    if was.columns != is_now.columns:
        return f"staging: table {name} has other columns"
    if was.rows != is_now.rows:
        return f"staging: table {name} had {was.rows} rows, now {is_now.rows}"
    return None if was == is_now else f"staging: rows of table {name} have changed"
