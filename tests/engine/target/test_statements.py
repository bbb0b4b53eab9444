"""Every statement compiles for SQL Server, PostgreSQL and SQLite, and is one statement of that dialect's grammar."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import sqlglot
from sqlalchemy.dialects import mssql, postgresql, sqlite

from engine.profiles.load import load_target
from engine.target import statements

DIALECTS = {
    "mssql": (mssql.dialect(), "tsql"),
    "postgresql": (postgresql.dialect(), "postgres"),
    "sqlite": (sqlite.dialect(), "sqlite"),
}
PROFILE = load_target("dexis10")


def _tables() -> Iterator[sa.Table]:
    for name, columns in PROFILE.database.relies_on.items():
        yield sa.Table(name, sa.MetaData(), *(sa.Column(column, sa.Integer) for column in columns))


def _statements(table: sa.Table) -> Iterator[sa.ClauseElement]:
    first = next(iter(table.columns))
    yield statements.insert(table)
    yield statements.everything(table)
    yield statements.largest(first)
    yield statements.count_between(first, 1, 9)
    yield statements.keys_between(first, 1, 9)
    yield statements.is_there(table, {column.name: number or None for number, column in enumerate(table.columns)})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_statement_compiles_and_parses(dialect: str) -> None:
    compiler, grammar = DIALECTS[dialect]
    for table in _tables():
        for statement in _statements(table):
            text = str(statement.compile(dialect=compiler, compile_kwargs={"literal_binds": not statement.is_insert}))  # type: ignore[attr-defined]
            text = text.replace("%(", ":").replace(")s", "")
            assert len(sqlglot.parse(text, dialect=grammar)) == 1, text


@pytest.mark.parametrize("dialect", ["mssql", "postgresql"])
def test_the_wait_for_writers_is_one_statement(dialect: str) -> None:
    compiler, grammar = DIALECTS[dialect]
    for table in _tables():
        text = statements.wait_for_writers(table, compiler)
        assert text is not None
        assert len(sqlglot.parse(text, dialect=grammar)) == 1


def test_sqlite_has_one_writer_and_needs_no_wait() -> None:
    assert all(statements.wait_for_writers(table, DIALECTS["sqlite"][0]) is None for table in _tables())


def test_a_key_that_is_an_identity_of_the_server_is_still_the_planned_one() -> None:
    table = sa.Table("Person", sa.MetaData(), sa.Column("PersonID", sa.Integer, sa.Identity(), primary_key=True))
    compiled = statements.insert(table).values(PersonID=7).compile(dialect=mssql.dialect())
    assert "[PersonID]" in str(compiled)
