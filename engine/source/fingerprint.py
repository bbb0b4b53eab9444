"""What the source was like when it was staged, small enough to keep and to compare again before each phase.

Staging: tables, columns, row counts, and a digest of every row of every table. Store: names, sizes and modification
times of all files; their content is read in whole by dry run, conversion and reconciliation. Backup: its bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from engine.job import Job
from engine.source.database import SourceDatabase
from engine.source.snapshot.backup import backup_digest
from engine.source.snapshot.staging import MARKER
from engine.source.store import SourceStore
from protocol.errors import EnvironmentProblem, UsageProblem

_MODULUS: Final = 2**256


class TableFingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table: its columns, how many rows, and a digest of the rows that does not depend on their order."""

    columns: tuple[str, ...]
    rows: int
    digest: str


class StoreFingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All files: how many, their bytes, and a digest of every name, size and modification time."""

    files: int
    bytes: int
    digest: str


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


def take(job: Job, database: SourceDatabase) -> Fingerprint:
    """The fingerprint of the source as it is now. Reads all rows of staging and lists the store."""
    return Fingerprint(
        run=job.run_id,
        tables={name: _table(database, name, columns) for name, columns in _tables(database)},
        store=_store(SourceStore(job.source.store).walk()),
        backup=backup_digest(job.source.snapshot.path),
    )


def differences(before: Fingerprint, now: Fingerprint) -> list[str]:
    """A sentence for each thing that is not what it was; empty if nothing changed."""
    names = sorted(before.tables.keys() | now.tables.keys())
    changed = [sentence for name in names if (sentence := _table_difference(before, now, name))]
    if before.store != now.store:
        changed.append(_store_difference(before.store, now.store))
    if before.backup != now.backup:
        changed.append("backup: its bytes have changed")
    return changed


def _tables(database: SourceDatabase) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((name, columns) for name, columns in database.tables().items() if name != MARKER)


def _table(database: SourceDatabase, name: str, columns: tuple[str, ...]) -> TableFingerprint:
    """Row digests are added up: equal sums mean equal bags of rows, and nothing has to be sorted or kept."""
    rows, total = 0, 0
    for row in database.table_rows(name, columns):
        rows += 1
        total += int.from_bytes(hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=32).digest())
    return TableFingerprint(columns, rows, f"{total % _MODULUS:064x}")


def _store(files: Iterable[tuple[str, int, int]]) -> StoreFingerprint:
    digest, count, size = hashlib.sha256(), 0, 0
    for name, length, modified in files:
        count, size = count + 1, size + length
        digest.update(f"{name}\0{length}\0{modified}\n".encode())
    return StoreFingerprint(count, size, digest.hexdigest())


def _table_difference(before: Fingerprint, now: Fingerprint, name: str) -> str | None:
    was, is_now = before.tables.get(name), now.tables.get(name)
    if was is None or is_now is None:
        return f"staging: table {name} is {'new' if was is None else 'gone'}"
    if was.columns != is_now.columns:
        return f"staging: table {name} has other columns"
    if was.rows != is_now.rows:
        return f"staging: table {name} had {was.rows} rows, now {is_now.rows}"
    return None if was == is_now else f"staging: rows of table {name} have changed"


def _store_difference(before: StoreFingerprint, now: StoreFingerprint) -> str:
    if before.files != now.files:
        return f"store: there were {before.files} files, now {now.files}"
    if before.bytes != now.bytes:
        return f"store: there were {before.bytes} bytes, now {now.bytes}"
    return "store: names or modification times have changed"
