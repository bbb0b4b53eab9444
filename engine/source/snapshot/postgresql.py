"""A PostgreSQL dump as backup: custom and directory format by pg_restore, plain text by the server itself.

Each in one transaction: staging holds all of the backup, or nothing and our marker.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from engine.job import Job
from engine.source.snapshot.backup import backup_size, open_backup, unreadable
from engine.source.snapshot.pg_restore import find_pg_restore
from engine.source.snapshot.plain_dump import restore_plain
from engine.source.snapshot.staging import MARKER, MARKER_TEXT, not_ours
from engine.source.urls import parse_url, place_of
from protocol.errors import EnvironmentProblem

_CUSTOM_MAGIC: Final = b"PGDMP"
_OBJECTS: Final = """
SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg!_toast%' ESCAPE '!'
      AND n.nspname NOT LIKE 'pg!_temp%' ESCAPE '!'"""
_SCHEMAS: Final = """
SELECT nspname FROM pg_namespace
WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg!_%' ESCAPE '!'"""
# What pg_restore says, and what it means; its own text may hold patient data and is not repeated.
_COMPLAINTS: Final = (
    ("end of file", "it is truncated"),
    ("could not read from input file", "it is truncated"),
    ("corrupt", "it is damaged"),
    ("could not uncompress data", "it is damaged"),
    ("could not find header", "it is damaged"),
    ("does not appear to be a valid", "it is not a PostgreSQL backup"),
    ("unsupported version", "it was made by a newer PostgreSQL than pg_restore and staging here"),
    ("unrecognized configuration parameter", "it was made by a newer PostgreSQL than staging"),
)


def restore(job: Job, progress: Callable[[int], None]) -> frozenset[str]:
    """Restore the dump into the staging database; the names of the tables restored. The database must exist.

    pg_restore does not say how far it is: progress is told of the whole backup at the end.
    """
    backup, url = job.source.snapshot.path, parse_url(job.source.staging)
    kind = _kind(backup)
    with _connected(url, place_of(job.source.staging)) as connection:
        _empty(connection, place_of(job.source.staging))
        if kind == "plain":
            restore_plain(connection, backup)
    if kind != "plain":
        _pg_restore(backup, url)
    progress(backup_size(backup))
    with _connected(url, place_of(job.source.staging)) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return frozenset(str(name) for (name,) in rows) - {MARKER}


def _kind(backup: Path) -> str:
    if backup.is_dir():
        if not (backup / "toc.dat").is_file():
            raise unreadable(backup, "the folder is not a directory-format dump: toc.dat is missing")
        return "directory"
    with open_backup(backup) as file:
        start = file.read(4096)
    if start.startswith(_CUSTOM_MAGIC):
        return "custom"
    if b"PostgreSQL database dump" in start:
        return "plain"
    raise unreadable(backup, "it is not a PostgreSQL backup")


def _connected(url: URL, place: str) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        return psycopg.connect(_conninfo(url, with_password=True), connect_timeout=10)
    except psycopg.OperationalError as problem:
        advice = "check that the server runs, the staging database exists (createdb) and the login is allowed"
        raise EnvironmentProblem("staging cannot be reached", where=place, next_step=advice) from problem


def _conninfo(url: URL, *, with_password: bool) -> str:
    shown = URL.create(
        drivername="postgresql",
        username=url.username,
        password=url.password if with_password else None,
        host=url.host,
        port=url.port,
        database=url.database,
        query=url.query,
    )
    return shown.render_as_string(hide_password=False)


def _empty(connection: psycopg.Connection[tuple[Any, ...]], place: str) -> None:
    """Make staging empty but for our marker. Refused unless it is empty or carries the marker already."""
    with connection.transaction():
        marked = connection.execute("SELECT to_regclass(%s)", (f"public.{MARKER}",)).fetchone() != (None,)
        if not marked and connection.execute(_OBJECTS).fetchone() != (0,):
            raise not_ours(place)
        for (schema,) in connection.execute(_SCHEMAS).fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        connection.execute("CREATE SCHEMA public")
        connection.execute(f"CREATE TABLE public.{MARKER} (note TEXT NOT NULL)")
        connection.execute(f"INSERT INTO public.{MARKER} VALUES (%s)", (MARKER_TEXT,))  # noqa: S608 - a constant


def _pg_restore(backup: Path, url: URL) -> None:
    options = ("--no-owner", "--no-privileges", "--single-transaction")  # the last one also ends at the first error
    command = [str(find_pg_restore()), *options, "--dbname", _conninfo(url, with_password=False), str(backup)]
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    ended = subprocess.run(
        command,
        check=False,
        capture_output=True,
        env={**os.environ, **password, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
    )
    if ended.returncode:
        raise _complaint(backup, ended.stderr.decode("utf-8", "replace"))


def _complaint(backup: Path, text: str) -> EnvironmentProblem:
    for words, meaning in _COMPLAINTS:
        if words in text:
            return unreadable(backup, meaning)
    advice = "run pg_restore on an empty database by hand; what it says may hold patient data and is not repeated here"
    return EnvironmentProblem("pg_restore could not restore the backup", where=str(backup), next_step=advice)
