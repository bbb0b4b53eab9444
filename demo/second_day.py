"""DEXIS 11 is used for another day: two visits, a new patient, a corrected name, one patient deleted. Then it backs up.

Made from the first day's blueprint alone; nobody in it exists.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import create_engine, text

from demo.blueprint import Blueprint, Medium, Series, Study
from demo.databases import Databases
from demo.dexis11 import fill, write_files
from demo.people import make_people

_LATER = timedelta(days=3650)  # after every visit of the first day
_MARK = "second-day"  # beside practice/: the day is over and backed up


def has_been(folder: Path) -> bool:
    """Whether the practice in `folder` had its second day already."""
    return (folder / _MARK).exists()


def live_through(folder: Path, databases: Databases, blueprint: Blueprint, seed: int) -> None:
    """Adds the day to DEXIS 11's database and store, and makes its nightly backup. May be repeated after a kill."""
    practice, after = folder / "practice", another_day(blueprint, seed)
    before = {medium.key for _, _, _, medium in blueprint.media}
    write_files(practice / "dexis11" / "data", (entry for entry in after.media if entry[3].key not in before))
    engine = create_engine(databases.urls(practice).production)
    with engine.begin() as connection:
        for table in ("annotation", "media", "series", "study", "patient", "device", "core_info"):
            connection.execute(text(f"DELETE FROM {table}"))
        fill(connection, after)
    engine.dispose()
    databases.back_up(practice)
    (folder / _MARK).touch()


def another_day(blueprint: Blueprint, seed: int) -> Blueprint:
    """The practice a day later: of the first four people one was renamed, one deleted, two were there again."""
    counters = _Counters(blueprint, random.Random(f"second day {seed}"))
    new = make_people(1, seed=seed + 1, first_key=max(person.key for person in blueprint.people) + 1)[0]
    people, studies = list(blueprint.people), list(blueprint.studies)
    model = max(studies, key=len)[0]
    for place in range(min(2, len(people))):
        studies[place] = (*studies[place], counters.visit(model))
    if len(people) > 3:
        people[2] = replace(people[2], family_name=new.family_name)
        people[3] = replace(people[3], deleted=True)
    return replace(
        blueprint,
        people=(*people, replace(new, chart_number="0099000001")),
        studies=(*studies, (counters.visit(model),)),
    )


@dataclass
class _Counters:
    """The next keys of each table."""

    blueprint: Blueprint
    chance: random.Random
    study: int = field(init=False)
    series: int = field(init=False)
    medium: int = field(init=False)

    def __post_init__(self) -> None:
        known = list(self.blueprint.media)
        self.study = max(study.key for studies in self.blueprint.studies for study in studies)
        self.series = max(series.key for _, _, series, _ in known)
        self.medium = max(medium.key for _, _, _, medium in known)

    def visit(self, model: Study) -> Study:
        """A visit like another one, with its own keys, times, UIDs and files."""
        self.study += 1
        series = tuple(self._series(one) for one in model.series)
        return replace(model, key=self.study, uid=self._uid(), started_at=model.started_at + _LATER, series=series)

    def _series(self, model: Series) -> Series:
        self.series += 1
        return replace(model, key=self.series, uid=self._uid(), media=tuple(self._media(model, self.series)))

    def _media(self, model: Series, key: int) -> Iterator[Medium]:
        """Its images, each with a file of its own that is there."""
        for medium in model.media:
            if medium.picture is not None:
                self.medium += 1
                uid = self._uid()
                taken = medium.acquired_at and medium.acquired_at + _LATER
                file = f"{uid}.{medium.file.rpartition('.')[2]}"
                fresh = replace(medium, key=self.medium, series_key=key, uid=uid, file=file, acquired_at=taken)
                yield replace(fresh, fate="kept", deleted=False)

    def _uid(self) -> str:
        return f"2.25.{self.chance.getrandbits(127)}"
