"""Rows by what their keys stand for, where the database makes keys: what it makes depends on what it made before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Rows = Mapping[str, list[tuple[Any, ...]]]


def by_meaning(rows: Rows) -> dict[str, list[tuple[Any, ...]]]:
    """The rows with a name in place of each key of a person, study or series: the chart number, and the images below.

    A key that nothing of ours stands behind stays as it is.
    """
    people = {key: f"person-{chart}" for key, chart, *_ in rows["patient"]}
    owners = {key: people.get(person, person) for key, person, *_ in rows["study"]}
    images = _images(rows["visual"])
    parts = {key: images[key] for key, *_ in rows["series"]}
    series = {key: _name("series", owners.get(study, study), parts[key]) for key, study, *_ in rows["series"]}
    below: dict[Any, list[int]] = defaultdict(list)
    for key, study, *_ in rows["series"]:
        below[study] += parts[key]
    studies = {key: _name("study", owner, below[key]) for key, owner in owners.items()}
    named = {
        **{"person": (people,), "personname": (people,), "patient": (people,)},
        **{"study": (studies, people), "series": (series, studies), "visual": ({}, series)},
    }
    return {table: [_with_names(row, named.get(table, ())) for row in found] for table, found in rows.items()}


def is_named_after(name: str, chart: str | None) -> bool:
    """Whether a name is that of a person with this chart number, or of something that belongs to it."""
    return name.split("-")[1] == chart


def _images(visuals: Iterable[tuple[Any, ...]]) -> Mapping[Any, list[int]]:
    found: dict[Any, list[int]] = defaultdict(list)
    for key, series, *_ in visuals:
        found[series].append(int(key))
    return found


def _name(kind: str, owner: object, images: Iterable[int]) -> str:
    chart = str(owner).removeprefix("person-")
    return "-".join((kind, chart, *map(str, sorted(images))))


def _with_names(row: tuple[Any, ...], names: Iterable[Mapping[Any, str]]) -> tuple[Any, ...]:
    """The row, whose first columns are keys that `names` gives a name."""
    named = tuple(known.get(key, key) for key, known in zip(row, names, strict=False))
    return named + row[len(named) :]
