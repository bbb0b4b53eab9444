"""The target's tables as they stand in the database, found by the names that the profile writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from engine.identifiers import Matching, matching_of, schemas
from engine.profiles.schema import TargetProfile
from engine.sqlserver.time_digits import add_time_digits


@dataclass(frozen=True, slots=True)
class Pointer:
    """A foreign key as the database has it: `columns` of a table, and the columns of `table` in which they must stand.

    `is_deferred`: the server looks when a transaction ends, and not with each row.
    """

    columns: tuple[str, ...]
    schema: str | None
    table: str
    their_columns: tuple[str, ...]
    is_deferred: bool

    def referred(self, tables: Iterable[sa.Table | None]) -> sa.Table | None:
        """The table that is pointed to, if it is among `tables`."""
        return next((found for found in tables if found is not None and self._is(found)), None)

    def _is(self, table: sa.Table) -> bool:
        return table.name == self.table and (self.schema in (None, table.schema) or table.schema is None)

    def there(self, kinds: Sequence[TypeEngine[Any]]) -> tuple[sa.ColumnElement[Any], ...]:
        """The columns that are pointed to, which are of the same kinds."""
        named = (sa.column(name, kind) for name, kind in zip(self.their_columns, kinds, strict=True))
        table = sa.table(self.table, *named, schema=self.schema)
        return tuple(table.c)


class LiveSchema:
    """Tables by the profile's name for them. Only those that the profile speaks of are looked at."""

    def __init__(
        self, tables: dict[str, sa.Table], matching: Matching, pointers: dict[sa.Table, tuple[Pointer, ...]]
    ) -> None:
        self._tables, self._matching, self._pointers = tables, matching, pointers
        self._columns: dict[tuple[str, str], sa.Column[Any] | None] = {}  # asked for again with every row

    @staticmethod
    def read(connection: sa.Connection, profile: TargetProfile) -> LiveSchema:
        """The schema as it is now. Raises SQLAlchemyError."""
        matching = matching_of(connection)
        wanted = dict.fromkeys((*profile.database.relies_on, *(rule.table for rule in profile.insert)))
        tables: dict[str, sa.Table] = {}
        pointers: dict[sa.Table, tuple[Pointer, ...]] = {}
        for schema in schemas(connection):
            live = sa.inspect(connection).get_table_names(schema)
            found = {name: live_name for name in wanted if (live_name := matching.find(name, live)) is not None}
            metadata = sa.MetaData(schema=schema)
            metadata.reflect(connection, only=sorted(set(found.values())), resolve_fks=False)
            by_name = {table.name: table for table in metadata.tables.values()}
            if connection.dialect.name == "mssql":
                for table in by_name.values():
                    add_time_digits(connection, table)
            tables = {name: by_name[live_name] for name, live_name in found.items()} | tables
            pointers |= {table: tuple(_pointers(connection, table)) for table in by_name.values()}
        return LiveSchema(tables, matching, pointers)

    def table(self, name: str) -> sa.Table | None:
        """The table; None if the database has none that it would take `name` for."""
        return self._tables.get(name)

    def column(self, table: str, name: str) -> sa.Column[Any] | None:
        """The column; None if it or its table is not there."""
        if (table, name) not in self._columns:
            self._columns[table, name] = self._find(table, name)
        return self._columns[table, name]

    def _find(self, table: str, name: str) -> sa.Column[Any] | None:
        found = self._tables.get(table)
        live = None if found is None else self._matching.find(name, found.columns.keys())
        return None if found is None or live is None else found.c[live]

    def leads_an_index(self, table: str, column: str) -> bool:
        """Whether the column comes first in a key or in an index of all rows: then rows are found by it quickly."""
        found, live = self._tables.get(table), self.column(table, column)
        if found is None or live is None:
            return False
        keys = (key for key in found.constraints if isinstance(key, sa.PrimaryKeyConstraint | sa.UniqueConstraint))
        whole = (index for index in found.indexes if not _is_partial(index))
        return any(next(iter(each.columns), None) is live for each in (*keys, *whole))

    def pointers(self, table: str) -> tuple[Pointer, ...]:
        """The foreign keys of a table; none if it is not there."""
        found = self._tables.get(table)
        return () if found is None else self._pointers[found]

    def missing(self, table: str, columns: Iterable[str]) -> Iterator[str]:
        """What is not there of a table: `Table` itself, or each `Table.Column`."""
        if table not in self._tables:
            yield table
        else:
            yield from (f"{table}.{column}" for column in columns if self.column(table, column) is None)


def _can_be_asked(connection: sa.Connection, table: str, columns: Sequence[str]) -> bool:
    """SQLite names no columns where the primary key is meant, and lets a foreign key point to what is not there."""
    if connection.dialect.name != "sqlite" or not columns:
        return bool(columns)
    inspector = sa.inspect(connection)
    there = inspector.get_columns(table) if inspector.has_table(table) else ()
    return {name.lower() for name in columns} <= {column["name"].lower() for column in there}


def _is_partial(index: sa.Index) -> bool:
    return any("where" in told and told["where"] is not None for told in index.dialect_options.values())


def _pointers(connection: sa.Connection, table: sa.Table) -> Iterator[Pointer]:
    for key in sa.inspect(connection).get_foreign_keys(table.name, table.schema):
        if _can_be_asked(connection, key["referred_table"], key["referred_columns"]):
            deferred = str(key.get("options", {}).get("initially", "")).upper() == "DEFERRED"
            place = (key["referred_schema"], key["referred_table"], tuple(key["referred_columns"]))
            yield Pointer(tuple(key["constrained_columns"]), *place, deferred)
