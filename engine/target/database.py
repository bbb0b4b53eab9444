"""The target database through SQLAlchemy Core: schema, baseline, fingerprint, and rows inserted in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from engine.profiles.schema import TargetProfile
from engine.target.columns import adapted
from engine.target.connect import Statements, connected
from engine.target.failures import explained
from engine.target.rows import Row
from engine.target.statements import (
    columns,
    count_among,
    count_between,
    delete,
    everything,
    insert,
    is_there,
    keys_between,
    largest,
    wait_for_writers,
)
from protocol.errors import EnvironmentProblem

_DIGEST_SPACE: Final = 1 << 256
_KEYS_AT_ONCE: Final = 1_000  # bound values in one statement; SQL Server takes 2,100


@dataclass(frozen=True, slots=True)
class TableMark:
    """A table's content: how many rows, and a digest over them that does not depend on their order."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that stand under planned keys, whoever put them there, and planned rows that are there value for value."""

    under_keys: int
    equal: int


class TargetDatabase:
    """The target. Names are matched without regard to case, as the servers of the profile's dialects do."""

    def __init__(self, url: str, profile: TargetProfile, *, read_only: bool) -> None:
        """Connects and reads the schema. Raises EnvironmentProblem, UsageProblem."""
        self._profile = profile
        self.statements = Statements(read_only)
        self._engine = connected(url, self.statements)
        self._schema = self._read_schema()

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    @property
    def file(self) -> Path | None:
        """The file of a SQLite target; it may lie inside the store."""
        return Path(str(self._engine.url.database)).resolve() if self.dialect == "sqlite" else None

    def drift(self) -> list[str]:
        """Tables and columns the profile relies on that are not there, as `Table` or `Table.Column`."""
        missing = []
        for table, wanted in self._profile.database.relies_on.items():
            found = self._schema.get(table.lower())
            if found is None:
                missing.append(table)
            else:
                missing += [f"{table}.{column}" for column in wanted if column.lower() not in columns(found)]
        return missing

    def version(self) -> str | None:
        """What the target says its version is."""
        with self._reading() as connection:
            found = connection.execute(sa.text(self._profile.database.version.for_dialect(self.dialect))).first()
        return None if found is None else str(found[0])

    def baseline(self) -> dict[str, int]:
        """The largest key in use per entity; 0 for an empty table, or where the schema is not the profile's."""
        if self.drift():
            return dict.fromkeys(self._profile.keys, 0)
        with self._reading() as connection:
            return {
                entity: int(connection.execute(largest(self._column(rule.table, rule.column))).scalar() or 0)
                for entity, rule in self._profile.keys.items()
            }

    def fingerprint(self) -> dict[str, TableMark]:
        """The content of every table the profile relies on."""
        with self._reading() as connection:
            return {
                name: _mark(connection.execution_options(stream_results=True).execute(everything(table)))
                for name in self._profile.database.relies_on
                if (table := self._schema.get(name.lower())) is not None
            }

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One short transaction: committed when the block ends, rolled back when it raises. Raises Failure."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise explained(error) from error

    def insert(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Inserts rows in order. Raises SQLAlchemyError."""
        for table, group in groupby(rows, key=lambda row: (row.table, tuple(row.values))):
            found = self._schema[table[0].lower()]
            connection.execute(insert(found), [self._values(found, row) for row in group])

    def delete(self, connection: sa.Connection, rows: Sequence[Row]) -> int:
        """Deletes rows value for value, the last inserted first; how many there were, each once. Raises
        SQLAlchemyError."""
        deleted = 0
        for row in reversed(rows):
            table = self._schema[row.table.lower()]
            deleted += connection.execute(delete(table, self._values(table, row))).rowcount == 1
        return deleted

    def count_of(self, table: str, column: str, keys: Collection[int], connection: sa.Connection | None = None) -> int:
        """How many rows hold one of `keys` in this column, seen from the open transaction or anew. Raises Failure."""
        if connection is None:
            with self.transaction() as opened:
                return self.count_of(table, column, keys, opened)
        place = self._column(table, column)
        wanted = sorted(keys)
        parts = (wanted[first : first + _KEYS_AT_ONCE] for first in range(0, len(wanted), _KEYS_AT_ONCE))
        return sum(int(connection.execute(count_among(place, part)).scalar_one()) for part in parts)

    def found_of(self, rows: Sequence[Row], *, after_writers: bool = False) -> Found:
        """What of `rows` stands in the target. Raises Failure.

        A killed session's last commit may still be under way in the server. `after_writers` waits until every open
        transaction that could change the answer has ended.
        """
        spans = _key_spans(rows)
        with self.transaction() as connection:
            if after_writers:
                self._wait_for_writers(connection, {table for table, _ in spans})
            under_keys = sum(self._count_between(connection, *place, *span) for place, span in spans.items())
            equal = sum(self._is_there(connection, row) for row in rows) if under_keys else 0
        return Found(under_keys, equal)

    def keys_between(self, table: str, column: str, first: int, last: int) -> Iterator[int]:
        """The keys in use from `first` to `last`, each once, in no order. Raises Failure."""
        with self.transaction() as connection:
            query = keys_between(self._column(table, column), first, last)
            for (key,) in connection.execution_options(stream_results=True).execute(query):
                yield int(key)

    def close(self) -> None:
        self._engine.dispose()

    def _wait_for_writers(self, connection: sa.Connection, tables: Iterable[str]) -> None:
        for name in sorted(tables):
            if lock := wait_for_writers(self._schema[name.lower()], self._engine.dialect):
                connection.exec_driver_sql(lock).close()

    def _count_between(self, connection: sa.Connection, table: str, column: str, first: int, last: int) -> int:
        return int(connection.execute(count_between(self._column(table, column), first, last)).scalar_one())

    def _is_there(self, connection: sa.Connection, row: Row) -> bool:
        table = self._schema[row.table.lower()]
        return connection.execute(is_there(table, self._values(table, row))).first() is not None

    def _values(self, table: sa.Table, row: Row) -> dict[str, Any]:
        names = columns(table)
        return {
            names[name.lower()]: adapted(table.c[names[name.lower()]].type, value) for name, value in row.values.items()
        }

    def _column(self, table: str, column: str) -> sa.Column[Any]:
        found = self._schema[table.lower()]
        return found.c[columns(found)[column.lower()]]

    def _read_schema(self) -> dict[str, sa.Table]:
        wanted = {name.lower() for name in self._profile.database.relies_on} | {
            rule.table.lower() for rule in self._profile.insert
        }
        with self._reading() as connection:
            found = [name for name in sa.inspect(connection).get_table_names() if name.lower() in wanted]
            metadata = sa.MetaData()
            metadata.reflect(connection, only=found, resolve_fks=False)
        return {name.lower(): metadata.tables[name] for name in found}

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise EnvironmentProblem(
                explained(error).detail, where="target database", next_step="check target.database in job.toml"
            ) from error


def _key_spans(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[int, int]]:
    """(table, key column) to the first and last planned key: one patient's keys are consecutive."""
    keys: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        if row.key_column is not None:
            keys.setdefault((row.table, row.key_column), []).append(int(str(row.values[row.key_column])))
    return {place: (min(found), max(found)) for place, found in keys.items()}


def _mark(rows: sa.CursorResult[Any]) -> TableMark:
    total = count = 0
    for row in rows:
        count += 1
        digest = hashlib.sha256(repr(tuple(row)).encode("utf-8", "surrogateescape")).digest()
        total = (total + int.from_bytes(digest, "big")) % _DIGEST_SPACE
    return TableMark(count, f"{total:064x}")
