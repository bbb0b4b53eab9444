"""The rows that one patient becomes, table by table in the profile's order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.model import PatientRecord
from engine.profiles.functions import Unfit
from engine.profiles.schema import InsertRule, TargetProfile
from engine.target.keys import Keys
from engine.target.limits import fitted, noted
from engine.target.notice import Notice
from engine.target.scope import ImageFacts, RecordScopes, Scope
from protocol.vocabulary import FindingCode

if TYPE_CHECKING:  # it brings SQLAlchemy, which a worker of the conversion has no use for
    from engine.target.fit import Holder


@dataclass(frozen=True, slots=True)
class Row:
    """One row to insert. `key_column` is where the entity's own planned key stands; values are Python's."""

    table: str
    key_column: str | None
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A patient's rows, and what the target's columns cannot hold of them."""

    rows: tuple[Row, ...]
    notices: tuple[Notice, ...]


def map_record(
    record: PatientRecord,
    keys: Keys,
    facts: Mapping[str, ImageFacts],
    profile: TargetProfile,
    columns: Mapping[str, Holder] = MappingProxyType({}),
) -> Mapped:
    """Every row of one patient. Images without `facts` (source key to path and hash) are not converted: no rows.

    Each value is held against what `columns` ("Table.Column") can hold, where they are known.
    """
    scopes, notices = RecordScopes(record, keys, profile), list[Notice]()
    rows = tuple(
        _row(rule, scope, profile, columns, notices)
        for rule in profile.insert
        for scope in _scopes(scopes, rule.entity, facts)
    )
    return Mapped(rows, tuple(_once(notices)))


def rows_digest(rows: Sequence[Row]) -> str:
    """Lower-case hex SHA-256 over tables, columns and values, in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr((row.table, tuple(row.values.items()))).encode())
    return digest.hexdigest()


def _scopes(scopes: RecordScopes, entity: str, facts: Mapping[str, ImageFacts]) -> Iterator[Scope]:
    for scope in scopes.of(entity):
        if scope.image is None:
            yield scope
        elif scope.image in facts:
            yield scope.with_facts(facts[scope.image])


def _row(
    rule: InsertRule, scope: Scope, profile: TargetProfile, columns: Mapping[str, Holder], notices: list[Notice]
) -> Row:
    values = {}
    for column, expression in rule.columns.items():
        place = f"{rule.table}.{column}"
        note = noted(notices, scope.image, place)
        try:
            value = expression.evaluate(scope.names, scope.functions)
        except KeyError as missing:
            note(FindingCode.UNKNOWN_CODE, f"the target profile has no code for {missing.args[0]}")
            value = None
        except Unfit as problem:
            note(FindingCode.TEXT_NOT_REPRESENTABLE, f"{expression.text}: {problem}")
            value = None
        known = len(notices)
        values[column] = fitted(profile, place, expression.text, value, note)
        if place in columns and len(notices) == known and (unfit := columns[place].misfit(values[column])):
            note(FindingCode.VALUE_UNFIT, f"{expression.text} {unfit}")
    return Row(rule.table, key_column(rule), values)


def key_column(rule: InsertRule) -> str | None:
    """The column of an [[insert]] that holds the key of the entity itself."""
    own = f"key({rule.entity})"
    return next((column for column, expression in rule.columns.items() if expression.text.strip() == own), None)


def _once(notices: list[Notice]) -> Iterator[Notice]:
    """One notice per image and code: the same time in two tables is one loss; an unfit value is one by its column."""
    seen = set()
    for notice in notices:
        place = notice.place if notice.code is FindingCode.VALUE_UNFIT else None
        if (mark := (notice.code, notice.image, place)) not in seen:
            seen.add(mark)
            yield notice
