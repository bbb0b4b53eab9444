"""Tables that do not take what the profile inserts are found out by their columns, on every kind of database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from demo.dexis10 import write_empty_database
from engine.profiles.load import load_target
from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from tests.engine.profiles.test_target_abilities import profile_with

HASH = 'SecurityHash = "integrity()"'


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty DEXIS 10."""
    found = f"sqlite:///{tmp_path}/t.sqlite" if request.param == "sqlite" else request.getfixturevalue("new_database")()
    write_empty_database(found)
    return str(found)


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[dict[str, str]], TargetProfile]:
    """The bundled profile with changes."""

    def load(changes: dict[str, str]) -> TargetProfile:
        path = tmp_path / "target.toml"
        path.write_text(profile_with(changes), encoding="utf-8")
        return load_target(path)

    return load


def unfit(url: str, profile: TargetProfile, *statements: str) -> list[tuple[str, str]]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()
    with closing(TargetDatabase(url, profile, read_only=True)) as database:
        return database.unfit()


def test_the_modelled_schema_takes_everything(url: str) -> None:
    assert unfit(url, load_target("dexis10")) == []


CHANGED: dict[str, tuple[dict[str, str], str, str]] = {
    "hash as text": (
        {HASH: 'SecurityHash = "hex(integrity())"'},
        "Image.SecurityHash",
        "hex(integrity()) is a text, and the column holds bytes; a hash is bytes as integrity()",
    ),
    "hash as number": (
        {HASH: 'SecurityHash = "number(integrity())"'},
        "Image.SecurityHash",
        "number(integrity()) is a number, and the column holds bytes; a hash is bytes as integrity()",
    ),
    "code as text": (
        {"intraoral-xray  = 1": 'intraoral-xray = "1"'},
        "Visual.ImageCategory",
        "code('category', image.category) is a text, and the column holds numbers; write integer(...), or a code"
        " without quotes",
    ),
    "code too long": (
        {'female = "F"': 'female = "FE"'},
        "Patient.Sex",
        "code('sex', patient.sex) is 2 long, and the column holds 1",
    ),
    "null where something must stand": (
        {'Removed = "0"': 'Removed = "null"'},
        "Person.Removed",
        "null is empty, and the column is NOT NULL; write default(..., '...')",
    ),
    "day in a column of numbers": (
        {'ImageNum = "image.number"': 'ImageNum = "image.acquired_at"'},
        "Image.ImageNum",
        "image.acquired_at is a day or time, and the column holds numbers; write year(...)",
    ),
    "column left empty": (
        {', ImageNum = "image.number"': ""},
        "Image.imagenum",
        "is NOT NULL without a default, and no [[insert]] fills it; add it to columns",
    ),
}


@pytest.mark.parametrize("case", CHANGED.values(), ids=CHANGED)
def test_a_profile_that_the_columns_do_not_take_is_told_by_column(
    url: str, loaded: Callable[[dict[str, str]], TargetProfile], case: tuple[dict[str, str], str, str]
) -> None:
    changes, place, sentence = case
    [(found, said)] = unfit(url, loaded(changes))
    assert (found.lower(), said) == (place.lower(), sentence)


ALTERED: dict[str, tuple[tuple[str, ...], str, str]] = {
    "numbers that are too small": (
        (
            "DROP TABLE ActivityLog",
            "CREATE TABLE ActivityLog (Event VARCHAR(3), Filename VARCHAR(9), ItemID INTEGER, EventDateTime TIMESTAMP)",
        ),
        "ActivityLog.Event ActivityLog.Filename",
        "'FileImport' is 10 long, and the column holds 3",
    ),
    "a key kept as text": (
        (
            "DROP TABLE ActivityLog",
            "CREATE TABLE ActivityLog (Event VARCHAR(64), Filename VARCHAR(260), ItemID VARCHAR(20),"
            " EventDateTime TIMESTAMP)",
        ),
        "ActivityLog.ItemID",
        "key(image) is a number by which rows are looked for, and the column holds text; write text(key(image))",
    ),
    "computed": (
        (
            "ALTER TABLE Study DROP COLUMN Name",
            "ALTER TABLE Study ADD Name VARCHAR(128) GENERATED ALWAYS AS ('x') {kept}",
        ),
        "Study.Name",
        "study.name is computed by the database itself; leave the column out of [[insert]]",
    ),
    "another column that must be filled": (
        ("ALTER TABLE Person ADD Clinic INTEGER NOT NULL DEFAULT 1", "CREATE TABLE Bare (x INTEGER)"),
        "",
        "",
    ),
}


@pytest.mark.parametrize("case", ALTERED.values(), ids=ALTERED)
def test_a_database_that_is_not_as_the_profile_thinks_is_told_by_column(
    url: str, case: tuple[tuple[str, ...], str, str]
) -> None:
    statements, places, sentence = case
    kept = "VIRTUAL" if url.startswith("sqlite") else "STORED"
    found = unfit(url, load_target("dexis10"), *(statement.format(kept=kept) for statement in statements))
    assert [place.lower() for place, _ in found] == places.lower().split()
    assert [said for _, said in found][:1] == ([sentence] if sentence else [])


def test_postgresql_s_own_kinds_of_columns_are_judged_by_what_they_hold(new_database: Callable[[], str]) -> None:
    url = new_database()
    write_empty_database(url)
    found = unfit(
        url,
        load_target("dexis10"),
        "CREATE TYPE gender AS ENUM ('F', 'M')",
        "ALTER TABLE Patient ALTER Sex TYPE gender USING Sex::gender",
        "CREATE DOMAIN word AS INTEGER",
        "ALTER TABLE ActivityLog DROP Event",
        "ALTER TABLE ActivityLog ADD Event word",
        "ALTER TABLE Study ALTER CreatedDate TYPE TIMESTAMPTZ",
        "ALTER TABLE Person ADD Office INTEGER NOT NULL",
    )
    assert found == [
        ("Person.office", "is NOT NULL without a default, and no [[insert]] fills it; add it to columns"),
        ("Patient.Sex", "code('sex', patient.sex) is none of the column's words, F, M"),
        (
            "Study.CreatedDate",
            'study.started_at has no time zone, and the column keeps one; write zone = "Europe/Oslo" for it in [time],'
            " or another",
        ),
        (
            "ActivityLog.Event",
            "'FileImport' is a text, and the column holds numbers; write integer(...), or a code without quotes",
        ),
    ]
