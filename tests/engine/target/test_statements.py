"""Every statement compiles for SQL Server, PostgreSQL and SQLite, and is one statement of that dialect's grammar."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import sqlglot
from sqlalchemy.dialects import mssql, postgresql, sqlite
from sqlglot import exp

from engine.profiles.load import load_target
from engine.target import statements
from engine.target.connect import only_reads

DIALECTS = {
    "mssql": (mssql.dialect(), "tsql"),
    "postgresql": (postgresql.dialect(), "postgres"),
    "sqlite": (sqlite.dialect(), "sqlite"),
}
PROFILE = load_target("dexis10")
# A column of every type that needs a statement of its own.
KINDS = {"Key": sa.Integer(), "Name": sa.VARCHAR(64), "Wide": sa.NVARCHAR(64), "Long": sa.VARCHAR(8000)}
KINDS |= {"Fixed": sa.CHAR(8), "Ticks": sa.DATETIME(), "Minute": mssql.SMALLDATETIME(), "Hash": sa.VARBINARY(16)}


def _tables(dialect: str) -> Iterator[sa.Table]:
    for name, columns in PROFILE.database.relies_on.items():
        yield sa.Table(name, sa.MetaData(), *(sa.Column(column, sa.Integer) for column in columns))
    kinds = {name: sa.TIMESTAMP() if isinstance(kind, mssql.SMALLDATETIME) else kind for name, kind in KINDS.items()}
    columns = (sa.Column(name, kind) for name, kind in (KINDS if dialect == "mssql" else kinds).items())
    yield sa.Table("Order", sa.MetaData(schema="dbo"), *columns)


def _statements(table: sa.Table, dialect: str) -> Iterator[sa.ClauseElement]:
    first, names = next(iter(table.columns)), tuple(table.columns.keys())
    values = {column.name: None if number == 2 else "7" for number, column in enumerate(table.columns)}
    yield statements.insert(table, names, dialect)
    yield statements.everything(table)
    yield statements.largest(first)
    yield statements.keys_between(first, 1, 9)
    yield statements.row_counts(first, 1, 9)
    yield statements.rows_between(first, names)
    yield statements.count_among(first, [1, 2, 3])
    yield statements.is_there(table, values)
    yield statements.delete(table, [values])
    yield statements.delete(table, [values, values])
    yield statements.delete(table, [values, values], first.name)


def compiled(statement: sa.ClauseElement, dialect: str) -> str:
    text = str(statement.compile(dialect=DIALECTS[dialect][0], compile_kwargs={"render_postcompile": True}))
    return text.replace("%(", ":").replace(")s", "")


def parsed(text: str, dialect: str) -> exp.Expression:
    [tree] = sqlglot.parse(text, dialect=DIALECTS[dialect][1])
    assert isinstance(tree, exp.Expression)
    assert not isinstance(tree, exp.Command), text
    return tree


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_statement_compiles_and_parses(dialect: str) -> None:
    for table in _tables(dialect):
        for statement in _statements(table, dialect):
            parsed(compiled(statement, dialect), dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_only_reads_is_told_from_what_writes(dialect: str) -> None:
    for table in _tables(dialect):
        for statement in _statements(table, dialect):
            writes = isinstance(statement, sa.Insert | sa.Delete)
            assert only_reads(compiled(statement, dialect), dialect) is not writes


@pytest.mark.parametrize("dialect", ["mssql", "postgresql"])
def test_the_wait_for_writers_is_one_statement(dialect: str) -> None:
    for table in _tables(dialect):
        text = statements.wait_for_writers(table, DIALECTS[dialect][0])
        assert text is not None
        assert len(sqlglot.parse(text, dialect=DIALECTS[dialect][1])) == 1


def test_sqlite_has_one_writer_and_needs_no_wait() -> None:
    assert all(statements.wait_for_writers(table, DIALECTS["sqlite"][0]) is None for table in _tables("sqlite"))


def _person(**identity: bool) -> sa.Table:
    key = sa.Column("PersonID", sa.Integer, sa.Identity(**identity), primary_key=True)
    return sa.Table("Person", sa.MetaData(schema="dbo"), key, sa.Column("SSN", sa.VARCHAR(16)))


def test_an_identity_is_given_explicitly_only_between_on_and_off() -> None:
    dialect = DIALECTS["mssql"][0]
    assert statements.identity_insert(_person(), ["PersonID", "SSN"], dialect) == (
        "SET IDENTITY_INSERT dbo.[Person] ON",
        "SET IDENTITY_INSERT dbo.[Person] OFF",
    )
    assert statements.identity_insert(_person(), ["SSN"], dialect) is None
    plain = sa.Table("Person", sa.MetaData(), sa.Column("PersonID", sa.Integer, primary_key=True))
    assert statements.identity_insert(plain, ["PersonID"], dialect) is None
    assert statements.identity_insert(_person(), ["PersonID"], DIALECTS["postgresql"][0]) is None


def test_sql_server_is_asked_for_nothing_back_so_that_triggers_do_no_harm() -> None:
    text = compiled(statements.insert(_person(), ("PersonID", "SSN"), "mssql"), "mssql")
    assert "OUTPUT" not in text
    assert "[PersonID]" in text


def test_a_text_reaches_sql_server_in_unicode_and_is_never_cut_on_the_way() -> None:
    text = compiled(statements.insert(_person(), ("PersonID", "SSN"), "mssql"), "mssql")
    assert text.endswith("CAST(:SSN AS NVARCHAR(17)))")


def test_postgresql_takes_our_key_where_it_would_always_make_one() -> None:
    always = compiled(statements.insert(_person(always=True), ("PersonID", "SSN"), "postgresql"), "postgresql")
    assert ") OVERRIDING SYSTEM VALUE VALUES (" in always
    usual = compiled(statements.insert(_person(always=False), ("PersonID", "SSN"), "postgresql"), "postgresql")
    assert "OVERRIDING" not in usual


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_key_that_the_database_makes_is_left_to_it(dialect: str) -> None:
    text = compiled(statements.insert_making_key(_person(), "PersonID", ("SSN",), dialect), dialect)
    parsed(text.removesuffix("; select scope_identity()"), dialect)
    assert "PersonID" not in text.partition("VALUES")[0]
    assert ("RETURNING" in text) == (dialect == "postgresql")
    assert "OUTPUT" not in text


# What sqlglot's grammar keeps as a command of unknown parts; it is read word for word instead.
NOT_IN_THE_GRAMMAR = {
    "SET IDENTITY_INSERT": "takes a table, which sqlglot's SET does not know",
}


def test_what_stands_around_an_insert_is_t_sql_as_far_as_the_grammar_goes() -> None:
    around = statements.identity_insert(_person(), ["PersonID"], DIALECTS["mssql"][0])
    assert around is not None
    for text in around:
        [tree] = sqlglot.parse(text, dialect="tsql")
        known = not isinstance(tree, exp.Command)
        assert known or text.startswith(tuple(NOT_IN_THE_GRAMMAR))
        assert [token.text.upper() for token in sqlglot.tokenize(text, read="tsql")][:2] == ["SET", "IDENTITY_INSERT"]


@pytest.mark.parametrize("kind", [sa.DATETIME(), mssql.SMALLDATETIME()])
def test_a_coarse_time_of_sql_server_is_compared_as_coarsely(kind: sa.types.TypeEngine[object]) -> None:
    table = sa.Table("Study", sa.MetaData(), sa.Column("CreatedDate", kind))
    text = compiled(statements.is_there(table, {"CreatedDate": "2024-01-01"}), "mssql")
    assert text.endswith(f"[CreatedDate] = CAST(:param_2 AS {kind.compile(dialect=DIALECTS['mssql'][0])})")


@pytest.mark.attack
@pytest.mark.parametrize(
    ("statement", "dialect"),
    [
        ("SELECT * INTO copy FROM Person", "mssql"),
        ("WITH p AS (SELECT 1 AS x) DELETE FROM Person", "mssql"),
        ("WITH gone AS (DELETE FROM person RETURNING *) SELECT * FROM gone", "postgresql"),
        ("SELECT 1; DELETE FROM Person", "mssql"),
        ("EXEC sp_executesql N'DELETE FROM Person'", "mssql"),
        ("SET IDENTITY_INSERT Person ON", "mssql"),
        ("SELECT 1 FROM person FOR UPDATE", "postgresql"),
        ("PRAGMA query_only=OFF; DELETE FROM Person", "sqlite"),
        ("this is no statement at all (", "sqlite"),
    ],
)
def test_what_could_write_in_a_disguise_is_refused(statement: str, dialect: str) -> None:
    assert not only_reads(statement, dialect)
