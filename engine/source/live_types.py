"""Holds the kinds of columns that a profile states against those a database has; as coarsely as three servers agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import types

from engine.identifiers import Matching
from engine.profiles.schema import DatabaseRules

_KINDS: Final[tuple[tuple[type[Any], str], ...]] = (
    (types.Uuid, "uuid"),
    (types.Boolean, "truth"),
    (types.Integer, "integer"),
    (types.Numeric, "number"),
    (types.DateTime, "moment"),
    (types.Date, "day"),
    (types.Time, "time"),
    (types.LargeBinary, "bytes"),
    (types.String, "text"),
)


def kind_of(column: Any) -> str | None:
    """The kind of a column by its SQLAlchemy type; None where the database does not say (SQLite without a type)."""
    if isinstance(column, types.NullType):
        return None
    return next((kind for parent, kind in _KINDS if isinstance(column, parent)), "other")


def type_differences(
    rules: DatabaseRules, live: Mapping[str, Mapping[str, str | None]], matching: Matching
) -> Iterator[str]:
    """A sentence for each column whose kind is not the stated one. What is missing is told by `compare_schema`."""
    for table, columns in rules.kinds.items():
        found = live.get(matching.find(table, live) or "", {})
        for column, kind in columns.items():
            there = found.get(matching.find(column, found) or "")
            if there is not None and there != kind:
                yield f"column {table}.{column} is {there}, the profile says {kind}"
