"""Holds the tables and columns a profile relies on against those a database has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from engine.identifiers import Matching
from engine.profiles.schema import DatabaseRules
from engine.toml.suggest import closest

_WITHOUT_CASE: Final = Matching("sqlite")


@dataclass(frozen=True, slots=True)
class SchemaComparison:
    """What the profile relies on, how much of it exists, and a sentence for each thing that does not."""

    tables: int
    tables_found: int
    columns: int
    columns_found: int
    differences: tuple[str, ...]


def compare_schema(
    rules: DatabaseRules, live: Mapping[str, tuple[str, ...]], matching: Matching = _WITHOUT_CASE
) -> SchemaComparison:
    """`live` is table -> columns; `matching` is how their database takes a name."""
    found = {name: matching.find(name, live) for name in rules.relies_on}
    missing_tables = [name for name, live_name in found.items() if live_name is None]
    missing_columns = [
        (table, column, live[live_name] if live_name is not None else ())
        for table, columns in rules.relies_on.items()
        for column in columns
        if (live_name := found[table]) is None or matching.find(column, live[live_name]) is None
    ]
    columns = sum(len(names) for names in rules.relies_on.values())
    return SchemaComparison(
        tables=len(rules.relies_on),
        tables_found=len(rules.relies_on) - len(missing_tables),
        columns=columns,
        columns_found=columns - len(missing_columns),
        differences=(
            *(f"table {name} is missing{_near(name, live)}" for name in missing_tables),
            *(
                f"column {table}.{column} is missing{_near(column, names)}"
                for table, column, names in missing_columns
                if found[table] is not None
            ),
        ),
    )


def _near(name: str, live: Iterable[str]) -> str:
    """ " (did you mean X?)" for the nearest name there is, or nothing."""
    names = {each.lower(): each for each in live}
    same = names.get(name.lower())
    return closest(name.lower(), names) if same is None else f" (did you mean {same}?)"


def is_supported(version: str | None, versions: tuple[str, ...]) -> bool:
    """Whether `version` ("11.1.4") is one of `versions` ("11.1") or a release of it."""
    return version is not None and any(version == known or version.startswith(f"{known}.") for known in versions)
