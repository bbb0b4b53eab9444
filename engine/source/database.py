"""A database opened so that nothing can write it: by session, by role or file mode, and by the SELECT guard on top.

Opened are staging, a target or samples database when a profile is compared with it, and production where job.toml
names it: only to ask whether it holds more than the snapshot.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult, Engine

from engine.identifiers import Matching, matching_of, schemas
from engine.profiles.schema import Query, SourceProfile, TargetProfile
from engine.profiles.sql import pure_select
from engine.source.connect import read_only_engine
from engine.source.read_only import is_refused, write_attempts
from engine.source.translated import translated
from engine.source.urls import dialect_of, place_of
from protocol.errors import UsageProblem

_ROWS_AT_ONCE: Final = 1_000  # rows fetched in one go: a few hundred KiB, whatever the size of the table


class SourceDatabase:
    """One read-only connection with one unchanging view of the data. Close it, or use it as a context manager."""

    def __init__(self, engine: Engine, connection: Connection, dialect: str, place: str) -> None:
        self._engine, self._connection = engine, connection
        self.dialect, self.place = dialect, place

    @staticmethod
    def open(url: str, profile: SourceProfile | TargetProfile) -> SourceDatabase:
        """The database at `url`. Raises UsageProblem if the profile does not speak its dialect, EnvironmentProblem if
        it cannot be reached, or cannot be opened without the right to write."""
        dialect, place = dialect_of(url), place_of(url)
        if dialect not in profile.database.dialects:
            spoken = ", ".join(profile.database.dialects)
            raise UsageProblem(
                f"profile {profile.id} does not speak {dialect}; it speaks {spoken}",
                where=place,
                next_step="correct the address in job.toml, or name a profile that speaks it",
            )
        with translated(place):
            engine = read_only_engine(url)
            return SourceDatabase(engine, engine.connect(), dialect, place)

    def __enter__(self) -> SourceDatabase:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()
        self._engine.dispose()

    def rows(self, query: Query | str) -> Iterator[Mapping[str, Any]]:
        """The query's rows by output column (lower case), streamed. Several streams may be open at once."""
        with translated(self.place):
            result = self._stream(self._text(query))
            columns = [column.lower() for column in result.keys()]  # noqa: SIM118 - a result is no mapping
            for row in result:
                yield dict(zip(columns, row, strict=True))

    def scalar(self, query: Query | str) -> Any:
        """The one value of the query's first row; None if there is no row."""
        with translated(self.place), contextlib.closing(self._stream(self._text(query))) as result:
            row = result.first()
        return None if row is None else row[0]

    def tables(self) -> Mapping[str, tuple[str, ...]]:
        """Every table that can be named without its schema, with its columns, as the database spells them."""
        with translated(self.place):
            inspector, found = sa.inspect(self._connection), dict[str, tuple[str, ...]]()
            for schema in schemas(self._connection):
                for name in set(inspector.get_table_names(schema)) - found.keys():
                    found[name] = tuple(column["name"] for column in inspector.get_columns(name, schema))
            return {name: found[name] for name in sorted(found)}

    def column_types(self) -> Mapping[str, Mapping[str, Any]]:
        """SQLAlchemy's type of every column of the tables that `tables` names."""
        with translated(self.place):
            inspector, found = sa.inspect(self._connection), dict[str, Mapping[str, Any]]()
            for schema in schemas(self._connection):
                for name in set(inspector.get_table_names(schema)) - found.keys():
                    found[name] = {column["name"]: column["type"] for column in inspector.get_columns(name, schema)}
            return found

    @property
    def matching(self) -> Matching:
        """How this database takes the names that a profile writes."""
        with translated(self.place):
            return matching_of(self._connection)

    def table_rows(self, table: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        """Every row of a table that `tables` named, in no order."""
        statement: Any = sa.select(*(sa.column(name) for name in columns)).select_from(sa.table(table))
        with translated(self.place):
            yield from map(tuple, self._stream(str(statement.compile(self._engine))))

    def prove_read_only(self, table: str) -> tuple[int, int]:
        """Try to write in every way we know, on a connection of its own and never committed.

        `table` is one that exists. Returns how many attempts were made, and how many of them were refused.
        """
        attempts = write_attempts(self.dialect, self._engine.dialect.identifier_preparer.quote(table))
        with translated(self.place), contextlib.closing(self._engine.raw_connection()) as raw:
            return len(attempts), sum(is_refused(raw.driver_connection, attempt) for attempt in attempts)

    def _text(self, query: Query | str) -> str:
        return query.for_dialect(self.dialect) if isinstance(query, Query) else pure_select(query, self.dialect).sql

    def _stream(self, sql: str) -> CursorResult[Any]:
        options = {"stream_results": True, "yield_per": _ROWS_AT_ONCE, "no_parameters": True}
        return self._connection.exec_driver_sql(sql, execution_options=options)
