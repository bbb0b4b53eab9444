"""The target's tables as they stand in the database, found by the names that the profile writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from engine.identifiers import Matching, matching_of, schemas
from engine.profiles.schema import TargetProfile
from engine.sqlserver.time_digits import add_time_digits


class LiveSchema:
    """Tables by the profile's name for them. Only those that the profile speaks of are looked at."""

    def __init__(self, tables: dict[str, sa.Table], matching: Matching) -> None:
        self._tables, self._matching = tables, matching
        self._columns: dict[tuple[str, str], sa.Column[Any] | None] = {}  # asked for again with every row

    @staticmethod
    def read(connection: sa.Connection, profile: TargetProfile) -> LiveSchema:
        """The schema as it is now. Raises SQLAlchemyError."""
        matching = matching_of(connection)
        wanted = dict.fromkeys((*profile.database.relies_on, *(rule.table for rule in profile.insert)))
        tables: dict[str, sa.Table] = {}
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
        return LiveSchema(tables, matching)

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

    def missing(self, table: str, columns: Iterable[str]) -> Iterator[str]:
        """What is not there of a table: `Table` itself, or each `Table.Column`."""
        if table not in self._tables:
            yield table
        else:
            yield from (f"{table}.{column}" for column in columns if self.column(table, column) is None)
