"""[values] of a source: how texts and numbers hold days and times, and which clock the practice goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.profiles.zones import read_zone
from engine.toml.document import Table

DATE_FORMS: Final = (
    "iso",  # 2024-05-06, 2024-05-06 07:08:09.123456, with Z or +02:00 where a time zone is stated
    "dicom",  # DA, DA and TM, or DT: 20240506, 20240506 070809.123456, 20240506070809+0200
    "day-month-year",  # 6.5.2024, 06/05/2024 07:08
    "month-day-year",  # 5/6/2024, 05/06/2024 7:08:09 PM
    "epoch-seconds",  # since 1970-01-01 UTC
    "epoch-milliseconds",
    "filetime",  # 100 ns since 1601-01-01 UTC
)
INSTANTS: Final = ("epoch-seconds", "epoch-milliseconds", "filetime")
DATED: Final = ("birth_date", "started_at", "acquired_at")
_ISO: Final[Mapping[str, tuple[str, ...]]] = dict.fromkeys(DATED, ("iso",))


@dataclass(frozen=True, slots=True)
class ValueRules:
    """For each output column that holds a day or time, the forms to try in order; `time_zone` is the practice's."""

    dates: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _ISO)
    time_zone: str | None = None


def read_values(table: Table) -> ValueRules:
    """[values]. Raises UsageProblem with file and line."""
    table.only((), ("dates", "time_zone"))
    rules = ValueRules(
        _dates(table) if table.has("dates") else _ISO, read_zone(table, "time_zone") if table.has("time_zone") else None
    )
    instant = next((form for forms in rules.dates.values() for form in forms if form in INSTANTS), None)
    if instant is not None and rules.time_zone is None:
        advice = 'add time_zone = "Europe/Oslo", or "UTC" if the system wrote its local time into the number'
        raise table.problem("dates", f"{instant} is an instant, and values.time_zone is missing", advice)
    return rules


def _dates(table: Table) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(table.value["dates"], dict):
        return dict.fromkeys(DATED, _forms(table, "dates"))
    columns = table.table("dates").only((), DATED)
    return {**_ISO, **{column: _forms(columns, column) for column in columns.value}}


def _forms(table: Table, key: str) -> tuple[str, ...]:
    """One form, or a list of forms."""
    if isinstance(table.value[key], str):
        return (table.word(key, DATE_FORMS),)
    return table.words(key, DATE_FORMS)
