"""How many rows speak of a patient's keys: asked where an index answers, else counted once for all patients."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.dexis10 import write_empty_database
from engine.profiles.load import load_target
from engine.target import mentioned
from engine.target.database import TargetDatabase
from engine.target.keys import Keys
from engine.target.mentioned import Mention, Mentioned
from engine.target.rows import Row

PATIENTS = (
    Keys({"p": 3}, {"s": 4}, {"r": 5}, {"a": 7, "b": 8}),
    Keys({"q": 30}, {"s": 40}, {"r": 50}, {"a": 17}),
)


@pytest.fixture
def database(new_databases: Callable[[], str]) -> Iterator[TargetDatabase]:
    url = new_databases()
    write_empty_database(url)
    with closing(TargetDatabase(url, load_target("dexis10"), read_only=False)) as opened:
        yield opened


def _logged(database: TargetDatabase, *keys: int) -> None:
    rows = [{"Event": "FileImport", "Filename": "a.dex", "ItemID": key, "EventDateTime": None} for key in keys]
    with database.transaction() as connection:
        database.insert(connection, [Row("ActivityLog", None, row) for row in rows])


def _in_the_log(keys: Keys) -> Mention:
    return Mention("ActivityLog", "ItemID", "image", frozenset(keys.of("image").values()), 0)


def test_rows_are_counted_for_each_patient_and_nobody_else_is(database: TargetDatabase) -> None:
    _logged(database, 7, 7, 8, 9, 16, 17, 6, 18)
    found = Mentioned(database, PATIENTS)
    assert [found.rows(_in_the_log(keys)) for keys in PATIENTS] == [3, 1]


def test_nothing_speaks_of_anybody_in_an_empty_table(database: TargetDatabase) -> None:
    found = Mentioned(database, PATIENTS)
    assert [found.rows(_in_the_log(keys)) for keys in PATIENTS] == [0, 0]


def test_a_column_without_an_index_is_read_once(database: TargetDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    read, row_counts = [], database.row_counts

    def counted(table: str, column: str, first: int, last: int) -> Iterator[tuple[int, int]]:
        read.append((table, column, first, last))
        return row_counts(table, column, first, last)

    monkeypatch.setattr(database, "row_counts", counted)
    found = Mentioned(database, PATIENTS)
    for keys in PATIENTS * 2:
        found.rows(_in_the_log(keys))
    assert read == [("ActivityLog", "ItemID", 7, 17)]


def test_a_row_that_comes_later_is_seen_where_an_index_is(database: TargetDatabase) -> None:
    found = Mentioned(database, PATIENTS)
    person = Mention("Person", "PersonID", "patient", frozenset({3}), 0)
    assert found.rows(person) == 0
    with database.transaction() as connection:
        database.insert(connection, [Row("Person", None, {"PersonID": 3, "SSN": None, "Removed": 0})])
    assert found.rows(person) == 1


@given(
    asked=st.sets(st.integers(1, 40), min_size=1),
    standing=st.dictionaries(st.integers(1, 40), st.integers(1, 5)),
    at_once=st.integers(1, 7),
)
def test_counts_are_those_of_a_dictionary(asked: set[int], standing: dict[int, int], at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mentioned, "_AT_ONCE", at_once)
        counts = mentioned._Counts(array("q", asked))
        assert (counts.first, counts.last) == (min(asked), max(asked))
        counts.add(iter([pair for pair in standing.items() if counts.first <= pair[0] <= counts.last]))
    for key in asked:
        assert counts.of([key]) == standing.get(key, 0)
    assert counts.of(asked) == sum(standing.get(key, 0) for key in asked)
