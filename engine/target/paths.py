"""The path of one target file, from the profile's template, planned keys and the record's dates."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

from engine.profiles.target_paths import DatePart, KeyPart, Part, parts_of
from engine.target.scope import Scope

_ENTITIES: Final = {"patient_key": "patient", "study_key": "study", "series_key": "series"}
_parts = lru_cache(maxsize=64)(parts_of)


def path_of(template: str, key: int, scope: Scope | None = None) -> str:
    """Where the image with the target key `key` stands below the store. `scope` is the image's own; a template that
    names nothing but the image's key does without."""
    return "".join(part if isinstance(part, str) else _written(part, key, scope) for part in _parts(template))


def _written(part: Part, key: int, scope: Scope | None) -> str:
    if isinstance(part, KeyPart):
        return _digits(part, key, scope)
    if isinstance(part, DatePart):
        return _date(part, scope)
    return part


def _digits(part: KeyPart, key: int, scope: Scope | None) -> str:
    if part.name == "hex8":
        text = f"{key:08x}"
    else:
        text = str(key if part.name == "key" else _key(part.name, scope)).rjust(part.width, "0")
    return text if part.at is None else text[part.at]


def _key(name: str, scope: Scope | None) -> object:
    if scope is None:
        raise ValueError(f"the path needs {name}, and nothing is known but the image's key")
    return scope.functions["key"](_ENTITIES[name])


def _date(part: DatePart, scope: Scope | None) -> str:
    """Zeros where the record has no date."""
    moment = None if scope is None else scope.names[part.name]
    if not isinstance(moment, date):
        return "0" * part.longest
    number = {"%Y": moment.year, "%m": moment.month, "%d": moment.day}[part.form]
    return str(number).rjust(part.longest, "0")
