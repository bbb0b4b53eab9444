"""An empty database of each kind for the tests: SQLite, PostgreSQL and the stand-in for SQL Server always,
SQL Server itself where a URL is given."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from engine.sqlserver.connection import engine_for
from tests.simulators.sqlserver.talking import REAL_SERVER

STAND_IN: Final = "sql-server-stand-in"
KINDS: Final = ("sqlite", "postgresql", STAND_IN, *(["mssql"] if os.environ.get(REAL_SERVER) else []))
_NUMBERS: Final = itertools.count(1)


@pytest.fixture(params=KINDS)
def new_databases(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes empty databases of one kind and gives their URLs. A test that uses it runs once for each kind."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/database-{next(_NUMBERS)}.sqlite"
    fixtures = {"postgresql": "new_database", STAND_IN: "new_standin_database", "mssql": "new_mssql_database"}
    made: Callable[[], str] = request.getfixturevalue(fixtures[request.param])
    return made


def opened(url: str) -> sa.Engine:
    """An engine for a database of any kind."""
    made = make_url(url)
    return engine_for(made) if made.get_backend_name() == "mssql" else sa.create_engine(made)


@pytest.fixture
def empty_database(new_databases: Callable[[], str]) -> str:
    """The URL of an empty database. A test that uses it runs once for each kind."""
    return new_databases()


@pytest.fixture
def new_mssql_database(driver_manager: None) -> Iterator[Callable[[], str]]:
    """Makes an empty database on the real SQL Server and gives its URL; all are dropped after the test."""
    yield from _making(os.environ[REAL_SERVER])


@pytest.fixture
def new_standin_database(standin_url: str) -> Iterator[Callable[[], str]]:
    """Makes an empty database on the stand-in and gives its URL; all are dropped after the test."""
    yield from _making(standin_url)


def _making(server: str) -> Iterator[Callable[[], str]]:
    url, made = make_url(server), list[str]()

    def make() -> str:
        made.append(f"bitewing_test_{os.getpid()}_{next(_NUMBERS)}")
        _run(url, f"CREATE DATABASE [{made[-1]}]")
        return url.set(database=made[-1]).render_as_string(hide_password=False)

    yield make
    for name in made:
        _run(url, f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE", f"DROP DATABASE [{name}]")


def _run(url: sa.URL, *statements: str) -> None:
    engine = engine_for(url.set(database="master"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
