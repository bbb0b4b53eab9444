"""Engines for SQL Server: every connection prepared alike, with the isolation its work needs."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

from engine.sqlserver.address import LOCK_SECONDS, ready
from engine.sqlserver.driver import missing

READING: Final[Mapping[str, str]] = MappingProxyType({"ApplicationIntent": "ReadOnly", "MARS_Connection": "yes"})
"""Several results may be open at once (MARS), and a replica may answer."""

# An error ends the whole transaction, a lock is waited for that long, and a text too long is an error, never cut.
PREPARED: Final = ("SET XACT_ABORT ON", f"SET LOCK_TIMEOUT {LOCK_SECONDS * 1000}", "SET ANSI_WARNINGS ON")
SNAPSHOT_QUESTION: Final = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
_DATETIMEOFFSET, _VARIANTS = -155, (-16, -150)  # SQL types of Microsoft's driver that pyodbc does not know


def engine_for(url: URL, *, options: Mapping[str, str] | None = None, **more: Any) -> Engine:
    """An engine; nothing is connected yet. `more` goes to create_engine. Raises UsageProblem, EnvironmentProblem."""
    address = ready(url, os.environ, options or {})
    try:
        engine = sa.create_engine(
            address.url, hide_parameters=True, connect_args={"timeout": address.login_seconds}, **more
        )
    except ImportError as problem:
        raise missing(problem) from problem
    event.listen(engine, "connect", prepared(address.query_seconds))
    return engine


def reading_engine(url: URL, **more: Any) -> Engine:
    """An engine whose transactions see one unchanging state of the data, as far as the database offers that."""
    engine = engine_for(url, options=READING, **more)

    @event.listens_for(engine, "connect")
    def isolated(connection: Any, record: object) -> None:
        with connection.cursor() as cursor:
            found = cursor.execute(SNAPSHOT_QUESTION).fetchone()
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {reading_isolation(int(found[0]) if found else 0)}")
        connection.commit()

    return engine


def reading_isolation(snapshot_state: int) -> str:
    """SNAPSHOT where the database allows it (state 1, not while it is changing).

    Elsewhere READ COMMITTED: staging is read-only and stands still, and nobody's work in any other is ever held up.
    """
    return "SNAPSHOT" if snapshot_state == 1 else "READ COMMITTED"


def prepared(query_seconds: int) -> Callable[[Any, object], None]:
    """What makes a new connection ready: time-out of a statement, session settings, types that pyodbc lacks."""

    def prepare(connection: Any, record: object) -> None:
        connection.timeout = query_seconds
        connection.add_output_converter(_DATETIMEOFFSET, datetimeoffset)
        for kind in _VARIANTS:
            connection.add_output_converter(kind, variant)
        with connection.cursor() as cursor:
            for statement in PREPARED:
                cursor.execute(statement)
        connection.commit()

    return prepare


def datetimeoffset(value: bytes | None) -> datetime | None:
    """SQL_SS_TIMESTAMPOFFSET_STRUCT: six int16 from year to second, uint32 nanoseconds, int16 hours and minutes."""
    if value is None:
        return None
    year, month, day, hour, minute, second, nanoseconds, hours, minutes = struct.unpack("<6hI2h", value)
    zone = timezone(timedelta(hours=hours, minutes=minutes))
    return datetime(year, month, day, hour, minute, second, nanoseconds // 1_000, zone)


def variant(value: bytes | None) -> str | None:
    """A `sql_variant` as text, which is how the driver hands it over: UTF-16, low byte first."""
    return None if value is None else value.decode("utf-16-le", "replace")
