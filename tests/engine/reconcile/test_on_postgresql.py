"""The same on a real PostgreSQL: exact where it is exact, and not blinder than on SQLite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from engine.profiles.schema import Query
from engine.reconcile.reading import Database
from protocol.errors import EnvironmentProblem
from tests.engine.reconcile.practice import judged, practice
from tests.engine.reconcile.spoilers import SPOILERS, Spoiler


def test_a_faithful_target_on_postgresql_is_exact(tmp_path: Path, new_database: Callable[[], str]) -> None:
    on_server = judged(practice().write(tmp_path / "p", (new_database(), new_database())))
    on_files = judged(practice().write(tmp_path / "s"))
    assert len({*on_server.digests, *on_files.digests}) == 1


@pytest.mark.parametrize("spoiler", SPOILERS[::10], ids=lambda spoiler: spoiler.name)
def test_a_fault_on_postgresql_is_caught_and_named(
    spoiler: Spoiler, tmp_path: Path, new_database: Callable[[], str]
) -> None:
    made = practice()
    spoiler.spoil(made, Random(2))
    verdict = judged(made.write(tmp_path / "p", (new_database(), new_database())))
    assert spoiler.codes <= verdict.codes
    assert len(set(verdict.digests)) > 1


def test_the_connections_cannot_write_on_postgresql(new_database: Callable[[], str]) -> None:
    database = Database(new_database(), "target database")
    with pytest.raises(EnvironmentProblem):
        list(database.rows(Query({"postgresql": "CREATE TABLE x (y INTEGER)"}, ())))
