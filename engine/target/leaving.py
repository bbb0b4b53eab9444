"""A patient of an earlier plan that leaves the target: only as it was converted, and only its own rows.

The practice may have worked with it in DEXIS 10 meanwhile. A row that is not there value for value any more, or a row
of somebody else that speaks of its keys, is a reason to touch nothing and to tell a person.
"""

from __future__ import annotations

import sqlalchemy as sa

from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.failures import Failure, Kind
from engine.target.mentioned import Mentioned, mentions
from engine.target.notice import Notice
from engine.target.planned import Standing
from protocol.vocabulary import FindingCode


def what_changed(
    patient: Standing, profile: TargetProfile, database: TargetDatabase, mentioned: Mentioned
) -> str | None:
    """What of the patient is not as it was converted, as a sentence; None if all of it is. Raises Failure."""
    rows = patient.rows(profile)
    if missing := len(rows) - database.found_of(rows).equal:
        return f"{missing} of {len(rows)} rows were changed or deleted in the target"
    for mention in mentions(patient, profile):
        if more := mentioned.rows(mention) - mention.rows:
            return _added(more, mention.table)
    return None


def remove(patient: Standing, profile: TargetProfile, database: TargetDatabase, connection: sa.Connection) -> None:
    """Deletes the patient's rows in the open transaction, in reverse order of insertion, each value for value.

    Raises Failure if one of them is not there any more, or if somebody else's row speaks of the patient.
    """
    rows = patient.rows(profile)
    if database.delete(connection, rows) != len(rows):
        raise changed("rows of it were changed or deleted in the target")
    for mention in mentions(patient, profile):
        if more := database.count_of(mention.table, mention.column, mention.keys, connection):
            raise changed(_added(more, mention.table))


def _added(rows: int, table: str) -> str:
    return f"rows were added in the target: {rows} of {table}"


def changed(what: str) -> Failure:
    """The failure of a change whose leaving patient is not as it was converted. Trying again gives the same."""
    detail = f"the patient was worked with since it was converted: {what}; nothing was touched"
    return Failure(Kind.PERMANENT, detail, Notice(FindingCode.TARGET_CHANGED, detail=what))
