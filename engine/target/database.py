"""The target database through SQLAlchemy Core: schema, baseline, fingerprint, and rows inserted in one transaction."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from engine.profiles.made_keys import made_columns
from engine.profiles.schema import TargetProfile
from engine.source.urls import place_of
from engine.target import statements
from engine.target.claims import exaggerated
from engine.target.columns import adapted, comparable
from engine.target.connect import Statements, connected
from engine.target.constraints import Constraint, constraints, misplaced
from engine.target.database_failures import explained
from engine.target.failures import Failure, Kind
from engine.target.fit import Holder
from engine.target.keys import Made
from engine.target.made import with_made
from engine.target.rows import Row
from engine.target.schema import LiveSchema
from engine.target.schema_fit import holders, unfit

_DIGEST_SPACE: Final = 1 << 256
_KEYS_AT_ONCE: Final = 1_000  # bound values in one statement; SQL Server takes 2,100
_ROWS_AT_ONCE: Final = 200  # deleted by one statement; SQLite takes conditions a thousand deep


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
    """The target. Names are matched as its server matches them, and every value is held against what a column keeps."""

    def __init__(self, url: str, profile: TargetProfile, *, read_only: bool) -> None:
        """Connects and reads the schema. Raises EnvironmentProblem, UsageProblem."""
        self._profile = profile
        own = {(rule.table, rule.column): entity for entity, rule in profile.keys.items()}
        self._makes = {place: own[place] for place in made_columns(profile.keys, profile.insert) if place in own}
        self.statements = Statements(read_only)
        self._engine = connected(url, self.statements)
        self._place = f"target database {place_of(url)} (target.database in job.toml)"
        with self._reading() as connection:
            self._schema = LiveSchema.read(connection, profile)

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    @property
    def file(self) -> Path | None:
        """The file of a SQLite target; it may lie inside the store."""
        return Path(str(self._engine.url.database)).resolve() if self.dialect == "sqlite" else None

    def drift(self) -> list[str]:
        """Tables and columns the profile relies on that are not there, as `Table` or `Table.Column`."""
        relied_on = self._profile.database.relies_on.items()
        return [place for table, wanted in relied_on for place in self._schema.missing(table, wanted)]

    def exaggerated(self) -> list[tuple[str, str]]:
        """`Table.Column`, and a sentence, for each column that keeps less than the profile says of it."""
        return list(exaggerated(self._profile, self.dialect, self._schema.column))

    def unfit(self) -> list[tuple[str, str]]:
        """`Table.Column`, and a sentence, for each column that cannot be filled as the profile says."""
        wrong = unfit(self._profile, self.dialect, self._schema.column)
        return [*wrong, *misplaced(self._profile, self._schema, self.dialect)]

    def finds_by(self, table: str, column: str) -> bool:
        """Whether the database finds rows by this column without reading the whole table."""
        return self._schema.leads_an_index(table, column)

    def constraints(self) -> list[Constraint]:
        """What the plan's rows must be held against, beyond their columns."""
        return list(constraints(self._profile, self._schema, self.dialect))

    def standing(self, constraint: Constraint) -> Iterator[tuple[object, ...]]:
        """The values that stand in the columns of a constraint, row by row, in no order. Raises Failure."""
        if not constraint.there:
            return
        with self.transaction() as connection:
            query = statements.columns(constraint.there)
            for row in connection.execution_options(stream_results=True).execute(query):
                yield tuple(row)

    def holders(self) -> Mapping[str, Holder]:
        """The columns to be filled, to hold each planned value against; not those that are found unfit anyway."""
        wrong = {place for place, _ in (*self.unfit(), *self.exaggerated())}
        found = holders(self._profile, self.dialect, self._schema.column)
        return {place: holder for place, holder in found.items() if place not in wrong}

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
                entity: int(connection.execute(statements.largest(self._column(rule.table, rule.column))).scalar() or 0)
                for entity, rule in self._profile.keys.items()
            }

    def fingerprint(self) -> dict[str, TableMark]:
        """The content of every table the profile relies on."""
        with self._reading() as connection:
            return {
                name: _mark(connection.execution_options(stream_results=True).execute(statements.everything(table)))
                for name in self._profile.database.relies_on
                if (table := self._schema.table(name)) is not None
            }

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One short transaction: committed when the block ends, rolled back when it raises. Raises Failure."""
        try:
            with self._engine.connect() as connection, self._clean(connection), connection.begin():
                yield connection
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise explained(error, self._place) from error

    def insert(self, connection: sa.Connection, rows: Sequence[Row]) -> Made:
        """Inserts rows in order, and says which keys the database made for them.

        Raises SQLAlchemyError, and Failure for a value that its column cannot hold.
        """
        made: dict[str, dict[int, int]] = {}
        for (table, key_column), group in groupby(rows, key=lambda row: (row.table, row.key_column)):
            known = with_made(tuple(group), self._profile, made)
            entity = self._makes.get((table, key_column or ""))
            if entity is None:
                self._insert_group(connection, known)
            else:
                made.setdefault(entity, {}).update(self._making_key(connection, row) for row in known)
        return made

    def _insert_group(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Rows of one table."""
        for names, group in groupby(rows, key=lambda row: tuple(row.values)):
            table = self._table(rows[0].table)
            columns = [self._column(rows[0].table, name) for name in names]
            live = tuple(column.name for column in columns)
            values = [dict(zip(live, _adapted(columns, row), strict=True)) for row in group]
            with self._explicit_keys(connection, table, live):
                connection.execute(statements.insert(table, live, self.dialect), values)

    def _making_key(self, connection: sa.Connection, row: Row) -> tuple[int, int]:
        """Inserts a row whose key the database makes: the plan's number for it, and the key."""
        key_column = row.key_column or ""
        given = replace(row, values={name: value for name, value in row.values.items() if name != key_column})
        key, values = self._column(row.table, key_column), self._values(given)
        statement = statements.insert_making_key(self._table(row.table), key.name, tuple(values), self.dialect)
        made = connection.execute(statement, values).inserted_primary_key
        if not made or made[0] is None:
            raise Failure(Kind.PERMANENT, f"the database made no key for {row.table}; plan its keys in the profile")
        return int(str(row.values[key_column])), int(made[0])

    def delete(self, connection: sa.Connection, rows: Sequence[Row]) -> int:
        """Deletes rows value for value, the last inserted first; how many there were, each once. Raises
        SQLAlchemyError, and Failure for a value that its column cannot hold.

        Each row by itself; of a table that must be read whole to find one, many rows at once.
        """
        return sum(
            self._delete_group(connection, *place, list(group))
            for place, group in groupby(reversed(rows), key=lambda row: (row.table, row.key_column))
        )

    def _delete_group(self, connection: sa.Connection, table: str, key: str | None, rows: Sequence[Row]) -> int:
        at_once, column, deleted = 1, None, 0
        if key is not None and not self.finds_by(table, key):
            at_once = max(1, min(_ROWS_AT_ONCE, _KEYS_AT_ONCE // len(rows[0].values)))
            column = self._column(table, key).name
        for part in (rows[first : first + at_once] for first in range(0, len(rows), at_once)):
            query = statements.delete(self._table(table), [self._values(row) for row in part], column)
            count = connection.execute(query).rowcount
            deleted += count if count == len(part) else 0
        return deleted

    def count_of(self, table: str, column: str, keys: Collection[int], connection: sa.Connection | None = None) -> int:
        """How many rows hold one of `keys` in this column, seen from the open transaction or anew. Raises Failure."""
        if connection is None:
            with self.transaction() as opened:
                return self.count_of(table, column, keys, opened)
        place = self._column(table, column)
        wanted = sorted(keys)
        parts = (wanted[first : first + _KEYS_AT_ONCE] for first in range(0, len(wanted), _KEYS_AT_ONCE))
        return sum(int(connection.execute(statements.count_among(place, part)).scalar_one()) for part in parts)

    def found_of(self, rows: Sequence[Row], *, after_writers: bool = False) -> Found:
        """What of `rows` stands in the target. Raises Failure.

        A killed session's last commit may still be under way in the server. `after_writers` waits until every open
        transaction that could change the answer has ended.
        """
        with self.transaction() as connection:
            if after_writers:
                self._wait_for_writers(connection, {row.table for row in rows if row.key_column is not None})
            keyed = [self._under_keys(connection, *place, planned) for place, planned in _by_place(rows).items()]
            loose = [row for row in rows if row.key_column is None] if any(found.under_keys for found in keyed) else []
            equal = sum(self._is_there(connection, row) for row in loose)
        return Found(sum(found.under_keys for found in keyed), equal + sum(found.equal for found in keyed))

    def texts(self, table: str, column: str) -> Iterator[str]:
        """Every text of a column, in no order. Raises Failure."""
        with self.transaction() as connection:
            query = statements.texts(self._column(table, column))
            for (text,) in connection.execution_options(stream_results=True).execute(query):
                yield str(text)

    def keys_between(self, table: str, column: str, first: int, last: int) -> Iterator[int]:
        """The keys in use from `first` to `last`, each once, in no order. Raises Failure."""
        with self.transaction() as connection:
            query = statements.keys_between(self._column(table, column), first, last)
            for (key,) in connection.execution_options(stream_results=True).execute(query):
                yield int(key)

    def row_counts(self, table: str, column: str, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The keys in use from `first` to `last`, each with the number of its rows, in no order. Raises Failure."""
        with self.transaction() as connection:
            query = statements.row_counts(self._column(table, column), first, last)
            for key, rows in connection.execution_options(stream_results=True).execute(query):
                yield int(key), int(rows)

    def advance_counters(self) -> None:
        """Sets the counters that give new keys past those we gave, so that the target's program can go on inserting.

        SQL Server's IDENTITY and SQLite's AUTOINCREMENT follow a given key by themselves; PostgreSQL's sequences do
        not. May be repeated. Raises Failure.
        """
        with self.transaction() as connection:
            for rule in self._profile.keys.values():
                column = self._column(rule.table, rule.column)
                asked = statements.sequence_of(column, self._engine.dialect)
                sequence = None if asked is None else connection.execute(asked).scalar()
                if sequence is not None:
                    connection.execute(statements.advance(str(sequence), column)).close()

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _clean(self, connection: sa.Connection) -> Iterator[None]:
        """What a failed transaction leaves in SQL Server's session, such as IDENTITY_INSERT, goes with the session."""
        try:
            yield
        except BaseException:
            if self.dialect == "mssql":
                connection.invalidate()
            raise

    @contextmanager
    def _explicit_keys(self, connection: sa.Connection, table: sa.Table, names: Sequence[str]) -> Iterator[None]:
        around = statements.identity_insert(table, names, self._engine.dialect)
        if around is not None:
            connection.exec_driver_sql(around[0])
        yield
        if around is not None:
            connection.exec_driver_sql(around[1])

    def _wait_for_writers(self, connection: sa.Connection, tables: Iterable[str]) -> None:
        for name in sorted(tables):
            if lock := statements.wait_for_writers(self._table(name), self._engine.dialect):
                connection.exec_driver_sql(lock).close()

    def _under_keys(self, connection: sa.Connection, table: str, key: str, planned: Sequence[Row]) -> Found:
        """Of one table: rows under the planned keys, and how many of them are planned, value for value.

        One patient's keys are consecutive, or nearly so. Values are compared here and not by the server, whose
        collation may call two names equal that differ.
        """
        keys = {int(str(row.values[key])) for row in planned}
        columns, place = [self._column(table, name) for name in planned[0].values], list(planned[0].values).index(key)
        query = statements.rows_between(self._column(table, key), tuple(column.name for column in columns))
        span = {"first": min(keys), "last": max(keys)}
        there = (tuple(values) for values in connection.execute(query, span))
        found = Counter(_comparable(columns, values) for values in there if int(values[place]) in keys)
        wanted = Counter(_comparable(columns, _adapted(columns, row)) for row in planned if found)
        return Found(found.total(), (found & wanted).total())

    def _is_there(self, connection: sa.Connection, row: Row) -> bool:
        return connection.execute(statements.is_there(self._table(row.table), self._values(row))).first() is not None

    def _values(self, row: Row) -> dict[str, object]:
        """Values by the column's name in the database. Raises Failure."""
        columns = [self._column(row.table, name) for name in row.values]
        return dict(zip((column.name for column in columns), _adapted(columns, row), strict=True))

    def _table(self, name: str) -> sa.Table:
        found = self._schema.table(name)
        if found is None:
            raise _not_there(name)
        return found

    def _column(self, table: str, name: str) -> sa.Column[Any]:
        found = self._schema.column(table, name)
        if found is None:
            raise _not_there(f"{table}.{name}")
        return found

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise explained(error, self._place).ends("run the same command again") from error


def _not_there(place: str) -> Failure:
    return Failure(Kind.PERMANENT, f"the target database has no {place}")


def _by_place(rows: Iterable[Row]) -> Mapping[tuple[str, str], list[Row]]:
    """Rows by (table, key column)."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.key_column is not None:
            found.setdefault((row.table, row.key_column), []).append(row)
    return found


def _adapted(columns: Sequence[sa.Column[Any]], row: Row) -> tuple[object, ...]:
    """The row's values as its columns want them, in their order. Raises Failure."""
    try:
        return tuple(adapted(column.type, value) for column, value in zip(columns, row.values.values(), strict=True))
    except (ValueError, ArithmeticError) as problem:
        raise Failure(Kind.PERMANENT, f"a value does not fit its column in {row.table}") from problem


def _comparable(columns: Sequence[sa.Column[Any]], values: Iterable[object]) -> tuple[object, ...]:
    return tuple(comparable(column.type, value) for column, value in zip(columns, values, strict=True))


def _mark(rows: sa.CursorResult[Any]) -> TableMark:
    total = count = 0
    for row in rows:
        count += 1
        digest = hashlib.sha256(repr(tuple(row)).encode("utf-8", "surrogateescape")).digest()
        total = (total + int.from_bytes(digest, "big")) % _DIGEST_SPACE
    return TableMark(count, f"{total:064x}")
