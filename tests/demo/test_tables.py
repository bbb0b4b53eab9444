"""DEXIS 10's tables in each dialect are what the bundled profile relies on, and DDL that the dialect understands."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from demo.dexis10 import tables
from engine.profiles.load import load_target

GRAMMARS = {"sqlite": "sqlite", "postgresql": "postgres", "mssql": "tsql"}
PROFILE = load_target("dexis10")


def created(dialect: str) -> dict[str, dict[str, exp.ColumnDef]]:
    """Table to column to its definition."""
    found = {}
    for statement in tables(dialect):
        [tree] = sqlglot.parse(statement, read=GRAMMARS[dialect])
        assert isinstance(tree, exp.Create)
        columns = {column.name: column for column in tree.find_all(exp.ColumnDef)}
        found[tree.find(exp.Table).name] = columns  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("dialect", GRAMMARS)
def test_every_table_and_column_that_the_profile_relies_on_is_created(dialect: str) -> None:
    found = created(dialect)
    for table, columns in PROFILE.database.relies_on.items():
        assert set(columns) <= found[table].keys()


def test_on_sql_server_the_server_makes_the_keys_and_names_hold_every_script() -> None:
    found = created("mssql")
    for rule in PROFILE.keys.values():
        assert list(found[rule.table][rule.column].find_all(exp.GeneratedAsIdentityColumnConstraint))
    for column, limit in PROFILE.text.items():
        table, name = column.split(".")
        assert found[table][name].kind.is_type("nvarchar") == (limit.encoding == "unicode"), column  # type: ignore[union-attr]


def test_no_column_is_narrower_than_the_profile_says() -> None:
    for dialect in GRAMMARS:
        found = created(dialect)
        for column, limit in PROFILE.text.items():
            table, name = column.split(".")
            [length] = [int(part.name) for part in found[table][name].kind.expressions]  # type: ignore[union-attr]
            assert length >= limit.length, column
