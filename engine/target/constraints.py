"""What the target demands of its rows as a whole, beyond the columns one by one: keys that are given once, and rows of
other tables that must be there.

Read from the database as it stands. Only what the plan alone does not settle already is asked for: a row's own planned
key is the next integer, and a row of a table that the profile fills stands there when it is pointed to.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from engine.profiles.schema import InsertRule, TargetProfile
from engine.target.columns import adapted, comparable
from engine.target.schema import LiveSchema

_NOT_NULL: Final = re.compile(r"[(\s]*[\[\"]?(\w+)[\]\"]?\s+is\s+not\s+null[)\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Constraint:
    """Values of one table's `columns` ("as the profile writes them") that the database holds together against others.

    UNIQUE where `points_to` is None: no two rows have them; else a row of the table `points_to` must. `there` are the
    columns whose rows are in the target already; none where rows of the plan can only meet each other.
    """

    table: str
    columns: tuple[str, ...]
    kinds: tuple[TypeEngine[Any], ...]
    there: tuple[sa.ColumnElement[Any], ...]
    dialect: str
    nulls_are_equal: bool = False
    points_to: str | None = None

    def planned(self, values: Sequence[object]) -> tuple[object, ...] | None:
        """Planned values in the form in which equal ones are equal to the server; None where nothing is demanded."""
        try:
            kept = [adapted(kind, value) for kind, value in zip(self.kinds, values, strict=True)]
        except (ValueError, ArithmeticError):  # the column does not hold it, which is found value by value
            return None
        return self.held(kept)

    def held(self, values: Sequence[object]) -> tuple[object, ...] | None:
        """The same for values as the database gives them back."""
        if None in values and not self.nulls_are_equal:
            return None
        return tuple(_equal_form(kind, value, self.dialect) for kind, value in zip(self.kinds, values, strict=True))


def constraints(profile: TargetProfile, schema: LiveSchema, dialect: str) -> Iterator[Constraint]:
    """Everything the plan's rows must be held against."""
    for rule in profile.insert:
        yield from _unique(rule, schema, dialect)
        yield from _references(rule, profile, schema, dialect)


def misplaced(profile: TargetProfile, schema: LiveSchema, dialect: str) -> Iterator[tuple[str, str]]:
    """ "Table.Column", and a sentence, for each foreign key that no row of the profile can satisfy."""
    order = [schema.table(rule.table) for rule in profile.insert]
    for position, rule in enumerate(profile.insert):
        for pointer in schema.pointers(rule.table):
            columns = _written(rule, pointer.columns, schema)
            if columns is None:
                continue
            place, later = f"{rule.table}.{columns[0]}", pointer.referred(order[position + 1 :])
            if later is not None and dialect != "sqlite" and not pointer.is_deferred:  # SQLite is not told to look
                yield place, f"points to {pointer.table}, which is filled later; write that [[insert]] before this one"
            elif pointer.referred(order) is None and any(_key_of(rule, name) for name in columns):
                yield place, f"points to {pointer.table}, whose rows no [[insert]] writes; write one for it"


def _unique(rule: InsertRule, schema: LiveSchema, dialect: str) -> Iterator[Constraint]:
    table = schema.table(rule.table)
    for key in () if table is None else _keys(table, dialect):
        columns = _written(rule, [column.name for column in key.columns], schema)
        entities = {_key_of(rule, name) for name in columns or ()} - {None}
        if columns and rule.entity not in entities:
            live = tuple(key.columns)
            kinds, there = tuple(column.type for column in live), () if entities else live
            yield Constraint(rule.table, columns, kinds, there, dialect, nulls_are_equal=_nulls_are_equal(key, dialect))


def _keys(table: sa.Table, dialect: str) -> Iterator[sa.schema.ColumnCollectionConstraint | sa.Index]:
    """What is unique in a table, by its columns, in all rows or in all that have no null there."""
    for key in table.constraints:
        if isinstance(key, sa.PrimaryKeyConstraint | sa.UniqueConstraint):
            yield key
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        where = index.dialect_options[dialect].get("where")
        is_whole = where is None or _leaves_out_nulls(str(where), index)
        if index.unique and is_whole and len(index.columns) == len(index.expressions):
            yield index


def _nulls_are_equal(key: sa.schema.ColumnCollectionConstraint | sa.Index, dialect: str) -> bool:
    """Whether the server takes two nulls in a unique key for equal."""
    told = key.dialect_options[dialect]
    return (dialect == "mssql" and told.get("where") is None) or bool(told.get("nulls_not_distinct"))


def _leaves_out_nulls(where: str, index: sa.Index) -> bool:
    """Whether a condition says no more than that columns of the index are not null."""
    parts = [_NOT_NULL.fullmatch(part) for part in re.split(r"\band\b", where, flags=re.IGNORECASE)]
    return all(part is not None and part[1] in index.columns for part in parts)


def _references(rule: InsertRule, profile: TargetProfile, schema: LiveSchema, dialect: str) -> Iterator[Constraint]:
    filled = [schema.table(other.table) for other in profile.insert]
    for pointer in schema.pointers(rule.table):
        columns = _written(rule, pointer.columns, schema)
        if columns is None or pointer.referred(filled) is not None or any(_key_of(rule, name) for name in columns):
            continue
        kinds = tuple(column.type for name in columns if (column := schema.column(rule.table, name)) is not None)
        yield Constraint(rule.table, columns, kinds, pointer.there(kinds), dialect, points_to=pointer.table)


def _written(rule: InsertRule, live: Sequence[str], schema: LiveSchema) -> tuple[str, ...] | None:
    """The columns as the profile writes them; None where it leaves one of them to the database."""
    named = {column.name: name for name in rule.columns if (column := schema.column(rule.table, name)) is not None}
    return tuple(named[name] for name in live) if set(live) <= named.keys() else None


def _key_of(rule: InsertRule, column: str) -> str | None:
    """The entity whose own new key stands in the column by itself."""
    match = re.fullmatch(r"key\(\s*(\w+)\s*\)", rule.columns[column].text.strip())
    return match[1] if match else None


def _equal_form(kind: TypeEngine[Any], value: object, dialect: str) -> object:
    match comparable(kind, value):
        case str() as text:
            return _folded(text, kind, dialect)
        case bool() | float() | Decimal() as number:
            return _whole_if_it_is(number)
        case other:
            return other


def _whole_if_it_is(number: float | Decimal) -> object:
    """1.0, 1.00 and true as 1; what is no number at all as it is."""
    if not math.isfinite(number):
        return number
    return int(number) if number == int(number) else Decimal(number).normalize()


def _folded(text: str, kind: TypeEngine[Any], dialect: str) -> str:
    """A text as the column's collation compares it, as far as its name tells."""
    if isinstance(kind, postgresql.CITEXT):
        return text.lower()
    if dialect != "mssql":
        return text
    collation = str(getattr(kind, "collation", None) or "").upper()
    text = text.rstrip(" ")
    if "_AI" in collation:
        text = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    return text.upper() if "_CI" in collation else text
