"""The values of source rows by the names that a target's expressions use; texts as they are, nothing as None."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.profiles.schema import SourceProfile
from engine.reconcile.normal import number_of
from engine.reconcile.source_clock import SourceClock

_TEXTS: Mapping[str, tuple[str, ...]] = {
    "patient": ("key", "middle_name", "chart_number"),
    "study": ("key", "patient_key", "name"),
    "series": ("key", "study_key", "patient_key", "name"),
    "image": ("key", "series_key", "patient_key", "uid", "device_key"),
    "device": ("key", "manufacturer", "model", "serial_number"),
}
_NEVER_NONE: Mapping[str, tuple[str, ...]] = {
    "patient": ("family_name", "given_name"),
    "study": ("uid",),
    "series": ("uid",),
}
_TIMES = {"study": "started_at", "image": "acquired_at"}


class ModelNames:
    """Names for the rows of one source."""

    def __init__(self, source: SourceProfile) -> None:
        self._codes, self._clock = source.codes, SourceClock(source.values)

    def of(self, entity: str, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """ "patient.family_name" and so on, of one row; of a device that is not there, None for each."""
        names: dict[str, Any] = {name: _text(row.get(name)) for name in _TEXTS[entity]}
        names |= {name: _text(row.get(name)) or "" for name in _NEVER_NONE.get(entity, ())}
        if entity == "patient":
            born = self._moment("birth_date", row)
            names |= {"birth_date": born.date() if born else None, "sex": self._word("sex", row)}
        if entity == "image":
            number = number_of(row["number"])
            names |= {"category": self._word("category", row), "number": int(number) if number else None}
        if entity in _TIMES:
            names[_TIMES[entity]] = self._moment(_TIMES[entity], row)
        return {f"{entity}.{name}": value for name, value in names.items()}

    def _moment(self, column: str, row: Mapping[str, Any]) -> Any:
        try:
            return self._clock.moment(column, row[column])
        except ValueError:
            return None

    def _word(self, codes: str, row: Mapping[str, Any]) -> str | None:
        return self._codes[codes].get(str(row[codes]))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, Decimal) else str(value)
