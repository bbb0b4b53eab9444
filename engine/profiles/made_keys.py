"""Keys that the target's database makes on insert (`allocation = "database"`): where they may stand, and where not.

Such a key is known only once its row is inserted. Nothing that is decided before that may depend on it: no path, no
field of a native file, no text. It stands by itself in columns, as `key(entity)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from engine.profiles.native_rules import NativeRules
from engine.profiles.schema import FileRule, InsertRule, KeyRule
from engine.profiles.target_paths import KeyPart, parts_of
from engine.toml.document import Table

PLANNED: Final = "planned"
DATABASE: Final = "database"
ALLOCATIONS: Final = (PLANNED, DATABASE)
_KEY: Final = re.compile(r"\bkey\(\s*(\w+)\s*\)")
_PATH_NAMES: Final = {"hex8": "image", "key": "image", "patient_key": "patient", "study_key": "study"} | {
    "series_key": "series"
}


def made_columns(keys: Mapping[str, KeyRule], insert: tuple[InsertRule, ...]) -> Mapping[tuple[str, str], str]:
    """(table, column) to the entity whose database-made key stands there."""
    return {
        (rule.table, column): match[1]
        for rule in insert
        for column, expression in rule.columns.items()
        if (match := _KEY.fullmatch(expression.text.strip())) and keys[match[1]].allocation == DATABASE
    }


def refuse_known_too_late(
    root: Table,
    keys: Mapping[str, KeyRule],
    insert: tuple[InsertRule, ...],
    files: tuple[FileRule, ...],
    native: NativeRules,
) -> None:
    """Raises UsageProblem, with the line of `allocation`, where a key that the database makes is needed earlier."""
    made = {entity: rule for entity, rule in keys.items() if rule.allocation == DATABASE}
    places = made_columns(keys, insert)
    for entity, rule in made.items():
        if why := next(_needed_earlier(entity, places, insert, files, native), None):
            advice = f'write allocation = "{PLANNED}", or leave the key out there'
            raise root.table("keys").table(entity).problem("allocation", f"the key of {entity} {why}", next_step=advice)
        if places.get((rule.table, rule.column)) != entity:
            what = f"no [[insert]] fills {rule.table}.{rule.column} with key({entity})"
            raise root.table("keys").table(entity).problem("allocation", f"{what}, so the database can make none")


def _needed_earlier(
    entity: str,
    places: Mapping[tuple[str, str], str],
    insert: tuple[InsertRule, ...],
    files: tuple[FileRule, ...],
    native: NativeRules,
) -> Iterator[str]:
    for file in files:
        if any(isinstance(part, KeyPart) and _PATH_NAMES[part.name] == entity for part in parts_of(file.path)):
            yield f"stands in the path {file.path}, which is planned before any row is inserted"
    for field in native.fields:
        if field.is_ is not None and entity in _KEY.findall(field.is_.text):
            yield f"stands in the native file's field {field.name}, which is written before any row is inserted"
    for rule in insert:
        for column, expression in rule.columns.items():
            if entity in _KEY.findall(expression.text) and places.get((rule.table, column)) != entity:
                yield f"is part of the value of {rule.table}.{column}; a key that the database makes stands by itself"
