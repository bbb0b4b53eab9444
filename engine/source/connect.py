"""Makes database engines whose every connection is unable to write: by its session, and by its role or file mode."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from engine.source import postgresql_types
from engine.source.urls import dialect_of, parse_url, sqlite_path
from engine.sqlserver.connection import reading_engine
from protocol.errors import EnvironmentProblem, UsageProblem

READER_ROLE: Final = "pg_read_all_data"  # PostgreSQL's own role that may read everything and write nothing


def read_only_engine(url: str) -> Engine:
    """An engine for the database at `url`. Raises EnvironmentProblem if a database file is not there, UsageProblem if
    reading it would write beside it."""
    return {"sqlite": _sqlite, "postgresql": _postgresql, "mssql": _mssql}[dialect_of(url)](url)


def _sqlite(url: str) -> Engine:
    path = sqlite_path(url)
    if not path.is_file():
        advice = "check the URL; staging is made by bitewing-engine stage"
        raise EnvironmentProblem("there is no such database file", where=str(path), next_step=advice)

    _refuse_live_log(path)
    mode = "mode=ro&immutable=1" if _keeps_log(path) else "mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)


def _keeps_log(path: Path) -> bool:
    """Whether the database is in WAL mode (bytes 18 and 19 of SQLite's file header): merely opening it to read would
    make files beside it, unless it is opened as one that nobody changes."""
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\2\2"


def _refuse_live_log(path: Path) -> None:
    if path.with_name(f"{path.name}-wal").exists():
        raise UsageProblem(
            "this SQLite database has an open write-ahead log, and reading it would write beside it",
            where=str(path),
            next_step="ask when nobody uses it, or leave source.production out of job.toml",
        )


def _postgresql(url: str) -> Engine:
    engine = sa.create_engine(parse_url(url), isolation_level="REPEATABLE READ", poolclass=sa.NullPool)

    @event.listens_for(engine, "connect")
    def read_only(connection: Any, record: object) -> None:
        connection.execute(f"SET ROLE {READER_ROLE}")
        connection.execute("SET default_transaction_read_only = on")
        connection.commit()
        postgresql_types.register(connection)

    return engine


def _mssql(url: str) -> Engine:
    """SQL Server has no read-only session: staging itself was set read-only when it was restored."""
    return reading_engine(parse_url(url), poolclass=sa.NullPool)
