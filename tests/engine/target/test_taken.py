"""Which planned keys are not free: asked where an index answers, else looked up in what stood there at first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from demo.dexis10 import opened, write_empty_database
from engine.identifiers import Matching
from engine.profiles.load import load_target
from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.rows import Row
from engine.target.schema import LiveSchema
from engine.target.taken import TakenKeys

PERSON = {"PersonID": 7, "SSN": None, "Removed": 0}
LOGGED = {"Event": "FileImport", "Filename": "a.dex", "ItemID": 7, "EventDateTime": None}
OURS = (Row("Person", "PersonID", PERSON), Row("ActivityLog", "ItemID", LOGGED))


@pytest.fixture
def profile() -> TargetProfile:
    return load_target("dexis10")


@pytest.fixture
def database(new_databases: Callable[[], str], profile: TargetProfile) -> Iterator[TargetDatabase]:
    url = new_databases()
    write_empty_database(url)
    with closing(TargetDatabase(url, profile, read_only=False)) as opened:
        yield opened


def _taken(profile: TargetProfile, database: TargetDatabase, keys: range = range(5, 10)) -> TakenKeys:
    return TakenKeys(profile, database, lambda entity: keys)


def _stands(database: TargetDatabase, table: str, values: dict[str, object]) -> None:
    with database.transaction() as connection:
        database.insert(connection, [Row(table, None, values)])


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("Person", "PersonID"), True),
        (("PersonName", "PersonID"), True),  # the first of two columns of its key
        (("PersonName", "TypeID"), False),
        (("Study", "PatientID"), False),
        (("ActivityLog", "ItemID"), False),
        (("ActivityLog", "Nothing"), False),
        (("Nothing", "ItemID"), False),
    ],
)
def test_what_leads_an_index_is_known(database: TargetDatabase, place: tuple[str, str], expected: bool) -> None:
    assert database.finds_by(*place) is expected


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ("CREATE INDEX i ON ActivityLog (ItemID)", True),
        ("CREATE UNIQUE INDEX i ON ActivityLog (ItemID, Event)", True),
        ("CREATE INDEX i ON ActivityLog (Event, ItemID)", False),
    ],
)
def test_an_index_of_all_rows_that_begins_with_the_column_finds_them(
    new_databases: Callable[[], str], profile: TargetProfile, index: str, expected: bool
) -> None:
    url = new_databases()
    write_empty_database(url)
    with opened(url).begin() as connection:
        connection.execute(sa.text(index))
    with closing(TargetDatabase(url, profile, read_only=True)) as database:
        assert database.finds_by("ActivityLog", "ItemID") is expected


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mssql"])
def test_an_index_of_some_rows_does_not_find_the_others(dialect: str) -> None:
    """By the words in which SQLAlchemy tells of one: the stand-in for SQL Server keeps them to itself."""
    key = sa.Column("ItemID", sa.Integer)
    table = sa.Table("ActivityLog", sa.MetaData(), key)
    schema = LiveSchema({"ActivityLog": table}, Matching("sqlite"), {})
    sa.Index("some", key, **{f"{dialect}_where": sa.text("ItemID > 5")})
    assert not schema.leads_an_index("ActivityLog", "ItemID")
    sa.Index("all", key)
    assert schema.leads_an_index("ActivityLog", "ItemID")


def test_keys_are_free_in_an_empty_target(database: TargetDatabase, profile: TargetProfile) -> None:
    assert not _taken(profile, database).any(OURS)
    assert not _taken(profile, database, range(5, 5)).any(OURS)


@pytest.mark.parametrize("key", [5, 7, 9])
@pytest.mark.parametrize(
    ("table", "column", "values"), [("Person", "PersonID", PERSON), ("ActivityLog", "ItemID", LOGGED)]
)
def test_a_row_under_a_planned_key_is_seen(
    database: TargetDatabase, profile: TargetProfile, table: str, column: str, values: dict[str, object], key: int
) -> None:
    _stands(database, table, {**values, column: key})
    taken = _taken(profile, database)
    assert [taken.any([Row(table, column, {**values, column: number})]) for number in range(5, 10)] == [
        number == key for number in range(5, 10)
    ]


def test_a_table_without_an_index_is_read_once(
    database: TargetDatabase, profile: TargetProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, keys_between = [], database.keys_between

    def counted(table: str, column: str, first: int, last: int) -> Iterator[int]:
        asked.append((table, column, first, last))
        return keys_between(table, column, first, last)

    monkeypatch.setattr(database, "keys_between", counted)
    taken = _taken(profile, database)
    assert not any(taken.any(OURS) for _ in range(5))
    assert asked == [("ActivityLog", "ItemID", 5, 9)]


def test_a_row_that_comes_later_is_seen_where_an_index_is(database: TargetDatabase, profile: TargetProfile) -> None:
    taken = _taken(profile, database)
    assert not taken.any(OURS)
    _stands(database, "Person", PERSON)
    assert taken.any(OURS)
