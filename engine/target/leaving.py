"""A patient of an earlier plan that leaves the target: only as it was converted, and only its own rows.

The practice may have worked with it in DEXIS 10 meanwhile. A row that is not there value for value any more, or a row
of somebody else that speaks of its keys, is a reason to touch nothing and to tell a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.failures import Failure, Kind
from engine.target.notice import Notice
from engine.target.planned import Standing
from protocol.vocabulary import FindingCode

_KEY: Final = re.compile(r"\s*key\(\s*(\w+)\s*\)\s*")


@dataclass(frozen=True, slots=True)
class Mention:
    """A column in which rows speak of a patient's keys, and how many rows of that patient do so there."""

    table: str
    column: str
    keys: frozenset[int]
    rows: int


def mentions(patient: Standing, profile: TargetProfile) -> Iterator[Mention]:
    """Every column of the profile that holds a key of the patient, or of a study, series or image of it."""
    places = {
        (rule.table, column): frozenset(patient.keys.of(key[1]).values())
        for rule in profile.insert
        for column, expression in rule.columns.items()
        if (key := _KEY.fullmatch(expression.text))
    }
    rows = Counter(
        (row.table, column)
        for row in patient.rows(profile)
        for column, value in row.values.items()
        if value is not None
    )
    for (table, column), keys in places.items():
        if keys:
            yield Mention(table, column, keys, rows[table, column])


def what_changed(patient: Standing, profile: TargetProfile, database: TargetDatabase) -> str | None:
    """What of the patient is not as it was converted, as a sentence; None if all of it is. Raises Failure."""
    rows = patient.rows(profile)
    if missing := len(rows) - database.found_of(rows).equal:
        return f"{missing} of {len(rows)} rows were changed or deleted in the target"
    for mention in mentions(patient, profile):
        found = database.count_of(mention.table, mention.column, mention.keys)
        if found != mention.rows:
            return f"{found - mention.rows} rows of {mention.table} were added in the target"
    return None


def remove(patient: Standing, profile: TargetProfile, database: TargetDatabase, connection: sa.Connection) -> None:
    """Deletes the patient's rows in the open transaction, in reverse order of insertion, each value for value.

    Raises Failure if one of them is not there any more, or if somebody else's row speaks of the patient.
    """
    rows = patient.rows(profile)
    if database.delete(connection, rows) != len(rows):
        raise changed("rows of it were changed or deleted in the target")
    for mention in mentions(patient, profile):
        if database.count_of(mention.table, mention.column, mention.keys, connection):
            raise changed(f"rows of {mention.table} were added in the target")


def changed(what: str) -> Failure:
    """The failure of a change whose leaving patient is not as it was converted. Trying again gives the same."""
    detail = f"the patient was worked with since it was converted: {what}; nothing was touched"
    return Failure(Kind.PERMANENT, detail, Notice(FindingCode.TARGET_CHANGED, detail=what))
