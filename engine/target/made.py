"""Keys that the target's database made on insert, put in the place of the numbers the plan holds for them.

A plan is made before any row: where the database makes an entity's key, the plan's number only tells which rows speak
of the same one. Everything else about these rows is planned as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.profiles.made_keys import DATABASE, made_columns
from engine.profiles.schema import TargetProfile
from engine.target.keys import ENTITIES, Keys, Made
from engine.target.rows import Row


def makes_keys(profile: TargetProfile) -> bool:
    """Whether the database makes any key of this target."""
    return any(rule.allocation == DATABASE for rule in profile.keys.values())


def with_made(rows: Sequence[Row], profile: TargetProfile, made: Made) -> tuple[Row, ...]:
    """The rows as they stand in the target. A number for which no key was made yet stays."""
    if not made:
        return tuple(rows)
    places = made_columns(profile.keys, profile.insert)
    return tuple(_with_made(row, places, made) for row in rows)


def in_keys(keys: Keys, made: Made) -> Keys:
    """A patient's keys as they stand in the target."""
    if not made:
        return keys
    return Keys(
        **{
            entity: {source: made.get(entity, {}).get(number, number) for source, number in keys.of(entity).items()}
            for entity in ENTITIES
        }
    )


def of_planned_keys(rows: Sequence[Row], profile: TargetProfile) -> tuple[Row, ...]:
    """Those of the rows that stand under a planned key, and can be looked for before they are inserted."""
    places = made_columns(profile.keys, profile.insert)
    return tuple(row for row in rows if (row.table, row.key_column or "") not in places)


def _with_made(row: Row, places: Mapping[tuple[str, str], str], made: Made) -> Row:
    changed = {
        column: made.get(entity, {}).get(number, number)
        for column, number in row.values.items()
        if (entity := places.get((row.table, column))) is not None and isinstance(number, int)
    }
    return replace(row, values={**row.values, **changed}) if changed else row
