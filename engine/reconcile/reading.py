"""A database opened for reading only, and rows streamed from it; own connections, shared with nobody."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from engine.meanings.databases import meaning_of, told
from engine.meanings.meaning import Meaning, Remedy
from engine.profiles.schema import Query
from engine.sqlserver.connection import reading_engine
from protocol.errors import EnvironmentProblem

_ROWS_AT_A_TIME = 2_000

Row = Mapping[str, Any]
_UNANSWERED: Final = Meaning(
    Remedy.REPAIR, "a question was not answered", "check that the database runs and fits its profile"
)


class Database:
    """A read-only view of one database. `name` says which one in errors: "staging", "target database"."""

    def __init__(self, url: str, name: str) -> None:
        self._name, self._engine = name, _read_only(make_url(url))

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    def rows(self, query: Query) -> Generator[Row]:
        """Every row, streamed over a connection of its own. Raises EnvironmentProblem."""
        with self._translated(), self._engine.connect() as connection:
            options = {"stream_results": True, "yield_per": _ROWS_AT_A_TIME}
            result = connection.exec_driver_sql(query.for_dialect(self.dialect), execution_options=options)
            for row in result.mappings():
                yield dict(row)

    def count(self, query: Query) -> int:
        """The one number that a query gives. Raises EnvironmentProblem."""
        with self._translated(), self._engine.connect() as connection:
            return int(connection.exec_driver_sql(query.for_dialect(self.dialect)).scalar_one())

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as problem:
            raise self._unanswered(getattr(problem, "orig", None) or problem) from problem

    def _unanswered(self, error: BaseException) -> EnvironmentProblem:
        found = meaning_of(error) or _UNANSWERED
        return EnvironmentProblem(
            told(found.what, error), where=self._name, next_step=found.next_with("run reconcile again")
        )


def files_of(url: str) -> frozenset[Path]:
    """The files of a database that is a file: they may stand in a store and are none of its images."""
    made = make_url(url)
    if made.get_backend_name() != "sqlite" or not made.database:
        return frozenset()
    return frozenset(Path(made.database + suffix) for suffix in ("", "-wal", "-shm", "-journal"))


def _read_only(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return create_engine("sqlite://", creator=lambda: _sqlite(url.database or ""), poolclass=NullPool)
    if url.get_backend_name() == "postgresql":
        arguments = {"options": "-c default_transaction_read_only=on"}
        return create_engine(url, isolation_level="REPEATABLE READ", connect_args=arguments)
    return reading_engine(url)


def _sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection
