"""Holds the tables and columns a profile relies on against those a database has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.profiles.schema import DatabaseRules
from engine.toml.suggest import closest


@dataclass(frozen=True, slots=True)
class SchemaComparison:
    """What the profile relies on, how much of it exists, and a sentence for each thing that does not."""

    tables: int
    tables_found: int
    columns: int
    columns_found: int
    differences: tuple[str, ...]


def compare_schema(rules: DatabaseRules, live: Mapping[str, tuple[str, ...]]) -> SchemaComparison:
    """`live` is table -> columns. Names are compared without case, as databases do with unquoted names."""
    found = {name.lower(): {column.lower() for column in columns} for name, columns in live.items()}
    missing_tables = [name for name in rules.relies_on if name.lower() not in found]
    missing_columns = [
        (table, column)
        for table, columns in rules.relies_on.items()
        for column in columns
        if column.lower() not in found.get(table.lower(), ())
    ]
    columns = sum(len(names) for names in rules.relies_on.values())
    return SchemaComparison(
        tables=len(rules.relies_on),
        tables_found=len(rules.relies_on) - len(missing_tables),
        columns=columns,
        columns_found=columns - len(missing_columns),
        differences=(
            *(f"table {name} is missing{closest(name.lower(), found)}" for name in missing_tables),
            *(_column_difference(table, column, found) for table, column in missing_columns if table.lower() in found),
        ),
    )


def _column_difference(table: str, column: str, found: Mapping[str, set[str]]) -> str:
    return f"column {table}.{column} is missing{closest(column.lower(), found[table.lower()])}"


def is_supported(version: str | None, versions: tuple[str, ...]) -> bool:
    """Whether `version` ("11.1.4") is one of `versions` ("11.1") or a release of it."""
    return version is not None and any(version == known or version.startswith(f"{known}.") for known in versions)
