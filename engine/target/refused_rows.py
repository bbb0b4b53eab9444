"""Which rows of a plan the target would refuse for what stands elsewhere: told in the dry run, not at night.

Every value is kept as a digest under a key that nobody knows, in a database of SQLite's own that has no name and goes
when it is closed: memory stays flat, and nothing of a patient is left behind.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final

from engine.plan.reader import Plan
from engine.plan.values import PlannedPatient
from engine.profiles.schema import InsertRule, TargetProfile
from engine.target.constraints import Constraint
from engine.target.database import TargetDatabase
from engine.target.notice import Notice
from engine.target.rows import Row, key_column, map_record
from engine.target.scope import ImageFacts
from protocol.vocabulary import FindingCode

_Claim = tuple[int, bytes, int, int | None, str | None]  # constraint, digest, weight, patient's number, image
# A row that stands in the target has no patient's number; one that leaves it in a top-up takes its weight away again.
_CLAIM: Final = "CREATE TABLE claim (rule INTEGER, digest BLOB, weight INTEGER, number INTEGER, image TEXT)"
_ADD: Final = "INSERT INTO claim VALUES (?,?,?,?,?)"
_TWICE: Final = """
SELECT rule, number, image, there FROM claim JOIN (
    SELECT rule, digest, COALESCE(SUM(weight) FILTER (WHERE number IS NULL), 0) > 0 AS there
    FROM claim GROUP BY rule, digest HAVING SUM(weight) > 1) USING (rule, digest)
WHERE number IS NOT NULL AND rule IN (SELECT value FROM json_each(?)) ORDER BY number, rule, claim.rowid
"""
_NOWHERE: Final = """
SELECT rule, number, image, 0 FROM claim WHERE number IS NOT NULL AND rule IN (SELECT value FROM json_each(?))
AND (rule, digest) NOT IN (SELECT rule, digest FROM claim WHERE number IS NULL) ORDER BY number, rule, claim.rowid
"""


def refused_rows(plan: Plan, profile: TargetProfile, database: TargetDatabase) -> Iterator[tuple[str, Notice]]:
    """Source key of a patient, and a notice, for each row that the target would not take. Raises Failure.

    Where the target demands nothing of rows together it costs nothing.
    """
    rules = database.constraints()
    if rules:
        with closing(sqlite3.connect("", isolation_level=None)) as claims:
            claims.executescript(f"PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; {_CLAIM}; BEGIN")
            claims.executemany(_ADD, _Claims(plan, profile, rules).all(database))
            for rule, number, image, is_there in _found(claims, rules):
                yield plan.patient(number).record.patient.key, _notice(rules[rule], profile, image, is_there)


class _Claims:
    def __init__(self, plan: Plan, profile: TargetProfile, rules: Sequence[Constraint]) -> None:
        self._plan, self._rules, self._secret = plan, rules, secrets.token_bytes(32)
        self._profile = replace(profile, insert=tuple(_needed(profile, rules)))
        self._of_images = {rule.table for rule in profile.insert if rule.entity == "image"}

    def all(self, database: TargetDatabase) -> Iterator[_Claim]:
        for position, rule in enumerate(self._rules):
            for values in database.standing(rule):
                if (held := rule.held(values)) is not None:
                    yield position, self._digest(held), 1, None, None
        for number in self._plan.numbers():
            if number >= self._plan.header.first:
                yield from self._of(self._plan.patient(number), 1)
        for number in self._plan.leaving().values():
            for position, digest, weight, *_ in self._of(self._plan.patient(number), -1):
                if self._rules[position].there and self._rules[position].points_to is None:
                    yield position, digest, weight, None, None

    def _of(self, patient: PlannedPatient, weight: int) -> Iterator[_Claim]:
        facts = {image.source_key: ImageFacts(image.path, bytes.fromhex(image.integrity)) for image in patient.images}
        images = {image.target_key: image.source_key for image in patient.images}
        for row in map_record(patient.record, patient.keys, facts, self._profile).rows:
            for position, rule in enumerate(self._rules):
                if rule.table == row.table and (planned := rule.planned([row.values[name] for name in rule.columns])):
                    yield position, self._digest(planned), weight, patient.number, self._image(row, images)

    def _image(self, row: Row, images: dict[int, str]) -> str | None:
        """Whose row it is, where its own key says so."""
        key = row.values.get(row.key_column or "")
        return images.get(key) if row.table in self._of_images and isinstance(key, int) else None

    def _digest(self, values: tuple[object, ...]) -> bytes:
        return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=16, key=self._secret).digest()


def _needed(profile: TargetProfile, rules: Sequence[Constraint]) -> Iterator[InsertRule]:
    """What is inserted into the tables that are held, with the columns that are held, and the row's own key, alone."""
    held = {(rule.table, name) for rule in rules for name in rule.columns}
    for insert in profile.insert:
        names = [name for name in insert.columns if (insert.table, name) in held]
        if names:
            own = (name for name in insert.columns if name == key_column(insert))
            yield replace(insert, columns={name: insert.columns[name] for name in (*names, *own)})


def _found(claims: sqlite3.Connection, rules: Sequence[Constraint]) -> Iterator[tuple[int, int, str | None, bool]]:
    for query, wanted in ((_TWICE, False), (_NOWHERE, True)):
        numbers = [position for position, rule in enumerate(rules) if (rule.points_to is not None) is wanted]
        yield from claims.execute(query, (str(numbers),))


def _notice(rule: Constraint, profile: TargetProfile, image: str | None, is_there: bool) -> Notice:
    inserted = next(other.columns for other in profile.insert if other.table == rule.table)
    said = ", ".join(inserted[name].text for name in rule.columns)
    return Notice(FindingCode.VALUE_UNFIT, image, f"{rule.table}.{rule.columns[0]}", f"{said} {_why(rule, is_there)}")


def _why(rule: Constraint, is_there: bool) -> str:
    if rule.points_to is not None:
        table = rule.points_to
        return f"is not among the rows of {table}, which the column points to; enter it there, or correct [codes]"
    whose = "a row of the target" if is_there else "another planned row"
    named = ", ".join(rule.columns)
    return f"must be given once ({named} is UNIQUE), and {whose} has the same; correct it in the source"
