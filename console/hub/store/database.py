"""One database behind a URL: SQLite (WAL, synchronous=FULL) by default, PostgreSQL when there are several hubs.

`write` and `read` run a function in one transaction and translate the database's own errors; nothing else opens a
connection. A store newer than this program is refused, an older one is backed up (SQLite) and migrated.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import alembic.command
import alembic.config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from protocol.errors import EnvironmentProblem, UsageProblem

_T = TypeVar("_T")
_LOCK_WAIT_SECONDS = 30
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """The hub's store. Thread-safe; one process may write while others (the commands, other hubs) write too."""

    def __init__(self, url: str) -> None:
        """Connects lazily. UsageProblem when the URL is none or of another database system."""
        self.url = _parse(url)
        self._engine = _engine(self.url)

    def write(self, job: Callable[[Connection], _T]) -> _T:
        """Runs `job` in one durable transaction: all of it is stored when this returns, or none."""
        with _translated(_place(self.url)), self._engine.begin() as connection:
            return job(connection)

    def read(self, job: Callable[[Connection], _T]) -> _T:
        """Runs `job` on one consistent view without taking the write lock."""
        with _translated(_place(self.url)), self._engine.connect().execution_options(reading=True) as connection:
            return job(connection)

    def migrate(self) -> None:
        """Brings the schema to this program's version; keeps a copy of an older SQLite file beside it first."""
        scripts = ScriptDirectory(str(_MIGRATIONS))
        revision = self.read(lambda connection: MigrationContext.configure(connection).get_current_revision())
        if revision == scripts.get_current_head():
            return
        if revision is not None:
            self._refuse_newer(revision, {script.revision for script in scripts.walk_revisions()})
            self._back_up(revision)
        self.write(_upgrade)

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()

    def _refuse_newer(self, revision: str, known: set[str]) -> None:
        if revision not in known:
            raise EnvironmentProblem(
                "the store was written by a newer bitewing-console",
                where=_place(self.url),
                next_step="start the newer program, or restore the backup taken before its migration",
            )

    def _back_up(self, revision: str) -> None:
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            copy = f"{self.url.database}.before-{revision}"
            with sqlite3.connect(self.url.database) as source, sqlite3.connect(copy) as target:
                source.backup(target)


def require_url(url: str) -> None:
    """Returns if the hub can keep its store there, as far as the URL tells. Raises UsageProblem."""
    _parse(url)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as problem:
        advice = "use sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
        raise UsageProblem("the database URL cannot be read", next_step=advice) from problem
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        advice = "use sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
        raise UsageProblem("the hub keeps its store in SQLite or PostgreSQL", where=_place(parsed), next_step=advice)
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": _LOCK_WAIT_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")


@contextmanager
def _translated(place: str) -> Iterator[None]:
    """Turns the database's errors into EnvironmentProblem, without the statement's values."""
    try:
        yield
    except SQLAlchemyError as problem:
        raise EnvironmentProblem(
            f"the hub's database failed: {type(problem).__name__}",
            where=place,
            next_step="check that the database is reachable and its disk is not full, then run the same command again",
        ) from problem


def _place(url: URL) -> str:
    return url.render_as_string(hide_password=True)
