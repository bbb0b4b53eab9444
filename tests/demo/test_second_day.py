"""The demo's second day: DEXIS 11 holds what it held, less one patient and more images; only new files are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from demo.blueprint import Blueprint
from demo.databases import SqliteDatabases
from demo.dexis11 import write_database
from demo.draw import draw
from demo.second_day import another_day, has_been, live_through

SEED = 7


@pytest.fixture(scope="module")
def first() -> Blueprint:
    return draw(6, seed=SEED)


def test_the_same_seed_makes_the_same_second_day(first: Blueprint) -> None:
    assert another_day(first, SEED) == another_day(first, SEED)


def test_somebody_is_renamed_somebody_deleted_somebody_new_and_most_stay(first: Blueprint) -> None:
    after = another_day(first, SEED)
    before = {person.key: person for person in first.people}
    same = [person for person in after.people if before.get(person.key) == person]
    renamed = [one for one in after.people if one.key in before and before[one.key].family_name != one.family_name]
    deleted = [one for one in after.people if one.key in before and one.deleted and not before[one.key].deleted]
    assert (len(same), len(renamed), len(deleted), len(after.people) - len(first.people)) == (6, 1, 1, 1)


def test_new_visits_have_keys_uids_and_files_of_their_own(first: Blueprint) -> None:
    after = another_day(first, SEED)
    media = [medium for _, _, _, medium in after.media]
    for unique in ("key", "uid", "file"):
        assert len({getattr(medium, unique) for medium in media}) == len(media)
    assert {medium.key for _, _, _, medium in first.media} < {medium.key for medium in media}


def test_only_new_files_are_written_and_the_backup_is_of_the_second_day(first: Blueprint, tmp_path: Path) -> None:
    databases, practice = SqliteDatabases(), tmp_path / "practice"
    for name in ("dexis11/data", "backup"):
        (practice / name).mkdir(parents=True)
    write_database(first, databases.urls(practice).production)
    live_through(tmp_path, databases, first, SEED)
    new = another_day(first, SEED)
    expected = {medium.file for _, _, _, medium in new.media} - {medium.file for _, _, _, medium in first.media}
    written = {path.name for path in (practice / "dexis11" / "data").rglob("*") if path.is_file()}
    assert written == expected
    with create_engine(f"sqlite:///{databases.snapshot_path(practice)}").connect() as backup:
        assert backup.execute(text("SELECT COUNT(*) FROM patient")).scalar() == len(new.people)
    assert has_been(tmp_path)
