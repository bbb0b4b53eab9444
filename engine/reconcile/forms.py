"""How each side writes what the target can hold, brought into the normal form of `normal`.

The names are those of the target's look-up: chart_number, family_name, ... , serial_number; `settings` is the view.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from engine.profiles.schema import SourceProfile, TargetProfile, TeethRules
from engine.reconcile.limits import Limits
from engine.reconcile.meanings import Columns, meanings
from engine.reconcile.normal import Facts, found, hex_of, kept, moment_of, number_of, text_of, unreadable
from engine.reconcile.rendering import Turner, reading_of, truth_of, whole_of
from engine.reconcile.source_clock import SourceClock
from engine.reconcile.teeth_text import teeth_of

PATIENT = ("chart_number", "family_name", "given_name", "middle_name", "birth_date", "sex")
STUDY, SERIES = ("study_name", "started_at"), ("series_name",)
IMAGE = ("category", "settings", "teeth", "uid", "number", "acquired_at", "manufacturer", "model", "serial_number")
PARENT = {"study": "patient_key", "series": "study_key", "image": "series_key"}
OWNER: Mapping[str, str] = {
    **dict.fromkeys(PATIENT, "patient"),
    **dict.fromkeys((*STUDY, "patient_key"), "study"),
    **dict.fromkeys((*SERIES, "study_key"), "series"),
    **dict.fromkeys((*IMAGE, "series_key", "integrity", "path"), "image"),
}
_TIMES = frozenset({"birth_date", "started_at", "acquired_at"})
_DEFAULT = re.compile(r"default\(\s*(\w+\.\w+)\s*,\s*'(.*)'\s*\)")


class TargetForm:
    """Reads values of the target database."""

    def __init__(self, profile: TargetProfile) -> None:
        columns = Columns(profile)
        self._limits, self._meanings = Limits(profile, columns), meanings(profile, columns)
        self._template = profile.orientation.template or "{rotation}"
        self._turner = turner_of(profile)
        self._words = {
            codes: {str(code): word for word, code in table.items()} for codes, table in profile.codes.items()
        }
        self._teeth = profile.teeth
        self._readers: Mapping[str, Callable[[Any], str | None]] = {
            "sex": lambda value: _word(self._words["sex"], value),
            "category": lambda value: _word(self._words["category"], value),
            "teeth": lambda value: teeth_name(value, self._teeth),
            "settings": self._view,
            "integrity": _hash_reader(profile),
            "number": number_of,
        }

    def read(self, table: str | None, name: str, value: Any) -> str | None:
        """The normal form of what stands under `name` in `table`, or in the look-up."""
        meaning = self._meanings.get(name)
        try:
            if name in _TIMES if meaning is None else meaning.is_time:
                return found(moment_of(value, self._limits.zone(table, name)), self._limits.precision(table, name))
            read = self._readers.get(name, text_of) if meaning is None else text_of
            return self._limits.bare(table, name, read(value))
        except ValueError:
            return unreadable(value)

    def _view(self, value: Any) -> str | None:
        return self._turner.name(*reading_of(self._template, str(value)))


def kept_hashes(profile: TargetProfile) -> Mapping[str, str]:
    """The columns that keep the integrity hash, and by which expression: "integrity()", "base64(integrity())", ..."""
    return {
        f"{rule.table}.{column}": "".join(expression.text.split())
        for rule in profile.insert
        for column, expression in rule.columns.items()
        if "integrity" in expression.functions
    }


def _hash_reader(profile: TargetProfile) -> Callable[[Any], str | None]:
    """Bytes and hex read alike; any other form stays the text it is, as what should stand there is written alike."""
    plain = {"integrity()", "hex(integrity())"}
    return hex_of if set(kept_hashes(profile).values()) <= plain else _hash_text


def _hash_text(value: Any) -> str | None:
    return hex_of(value) if isinstance(value, bytes | bytearray | memoryview) else text_of(value)


class SourceForm:
    """Reads rows of the source as the facts that the target should hold."""

    def __init__(self, source: SourceProfile, target: TargetProfile) -> None:
        self._codes, self._teeth, self._turner = source.codes, source.teeth, turner_of(source)
        columns = Columns(target)
        self._limits, self._clock = Limits(target, columns), SourceClock(source.values)
        self._meanings, self._target_codes = meanings(target, columns), target.codes
        self._defaults = _defaults(target)

    def patient(self, row: Mapping[str, Any]) -> Facts:
        facts = {name: text_of(row[name]) for name in ("chart_number", "family_name", "given_name", "middle_name")}
        return {**facts, "sex": _word(self._codes["sex"], row["sex"]), "birth_date": self._iso(row, "birth_date")}

    def study(self, row: Mapping[str, Any]) -> Facts:
        return {"study_name": self._named("study.name", row["name"]), "started_at": self._iso(row, "started_at")}

    def series(self, row: Mapping[str, Any]) -> Facts:
        return {"series_name": self._named("series.name", row["name"])}

    def image(self, row: Mapping[str, Any], device: Mapping[str, Any]) -> Facts:
        """Everything of an image but its content; a `device` without rows is an empty mapping."""
        return {
            "category": _word(self._codes["category"], row["category"]),
            "settings": self._view(row["rotation"], row["mirrored"]),
            "teeth": self._named_teeth(row["teeth"]),
            "uid": text_of(row["uid"]),
            "number": number_of(row["number"]),
            "acquired_at": self._iso(row, "acquired_at"),
            **{name: text_of(device.get(name)) for name in ("manufacturer", "model", "serial_number")},
        }

    def kept(self, table: str | None, name: str, value: str | None) -> str | None:
        """`value` as `table`, or the look-up, should hold it: times as exact, texts as distinct as the column is."""
        meaning = self._meanings.get(name)
        if value is None or not (name in _TIMES if meaning is None else meaning.is_time):
            return self._limits.bare(table, name, value)
        try:
            return kept(moment_of(value), self._limits.precision(table, name))
        except ValueError:
            return value

    @property
    def has_formulas(self) -> bool:
        """Whether the target holds anything else than what the source says."""
        return bool(self._meanings)

    def wanted(self, plain: Facts, names: Mapping[str, Any]) -> Facts:
        """What the target should hold where the source says `plain`; `names` are its values by the model's names."""
        return {fact: self._made(fact, names) if fact in self._meanings else value for fact, value in plain.items()}

    def _made(self, fact: str, names: Mapping[str, Any]) -> str | None:
        meaning = self._meanings[fact]
        try:
            value = meaning.formula.value(names, self._target_codes)
            moment = moment_of(value) if meaning.is_time else None
        except (ValueError, KeyError):
            return unreadable(fact)
        return moment.isoformat() if moment else text_of(value)

    def time_or_none(self, column: str, value: Any) -> datetime | None:
        """The practice's local time of a source column; None where it cannot be read."""
        try:
            return self._clock.moment(column, value)
        except ValueError:
            return None

    def _iso(self, row: Mapping[str, Any], column: str) -> str | None:
        try:
            moment = self._clock.moment(column, row[column])
        except ValueError:
            return unreadable(row[column])
        return moment.isoformat() if moment else None

    def _named(self, name: str, value: Any) -> str | None:
        return self._defaults.get(name) if value is None else text_of(value)

    def _named_teeth(self, value: Any) -> str | None:
        try:
            return teeth_name(value, self._teeth)
        except ValueError:
            return unreadable(value)

    def _view(self, rotation: Any, mirrored: Any) -> str:
        try:
            return self._turner.name(whole_of(rotation), truth_of(mirrored))
        except ValueError:
            return unreadable((rotation, mirrored))


def turner_of(profile: SourceProfile | TargetProfile) -> Turner:
    rules = profile.orientation
    return Turner(rules.unit, rules.mirror, rules.order)


def teeth_name(value: Any, rules: TeethRules) -> str | None:
    """The teeth a text names, in one form. Raises ValueError."""
    return " ".join(teeth_of(text_of(value), rules.notation, rules.separator, rules.prefix)) or None


def _word(words: Mapping[str, str], code: Any) -> str | None:
    return None if code in (None, "") else words.get(str(code), unreadable(code))


def _defaults(profile: TargetProfile) -> Mapping[str, str]:
    """What the target holds where the source holds nothing, by the model's name: default(series.name, 'Default')."""
    texts = (expression.text.strip() for rule in profile.insert for expression in rule.columns.values())
    return {match[1]: match[2] for match in map(_DEFAULT.fullmatch, texts) if match}
