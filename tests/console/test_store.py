"""The hub's store: one suite over SQLite and over a real PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select, text

from console.hub import ingest
from console.hub.store import orders, practices, tables
from console.hub.store.database import Database
from console.hub.store.writer import Writer
from protocol.errors import EnvironmentProblem, ProtocolViolation, Refused, UsageProblem
from protocol.messages import Event, Heartbeat, Order, OrderResult, Pause
from protocol.vocabulary import EnrollRefusal, Outcome

PRACTICE, KEY, SECRET = "a" * 32, "b" * 64, "c" * 64
NOW = 1_800_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated store with one practice and a token for it."""
    sqlite = request.param == "sqlite"
    store = Database(f"sqlite:///{tmp_path / 'hub.db'}" if sqlite else request.getfixturevalue("new_database")())
    store.migrate()
    store.write(lambda c: practices.add(c, PRACTICE, "ALDER-7", None, NOW))
    store.write(lambda c: practices.add_token(c, PRACTICE, SECRET, NOW))
    yield store
    store.close()


def claim(key: str = KEY, secret: str = SECRET) -> practices.Claim:
    return practices.Claim(PRACTICE, secret, key, ("one", "two", "three", "four"))


def enrolled(database: Database) -> practices.Practice:
    database.write(lambda c: practices.enrol(c, claim(), NOW))
    return database.read(lambda c: practices.find(c, "ALDER-7"))


def beats(*numbers: int) -> list[Event]:
    return [Event(number, NOW, Heartbeat(None, False)) for number in numbers]


def stored(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(tables.events)).scalar_one()


def test_migrations_build_exactly_the_tables_the_program_uses(database: Database) -> None:
    found = database.read(lambda c: compare_metadata(MigrationContext.configure(c), tables.metadata))
    assert found == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    database.migrate()
    assert len(database.read(practices.everyone)) == 1


def test_events_that_come_again_are_stored_once(database: Database) -> None:
    agent = enrolled(database)
    assert database.write(lambda c: ingest.take(c, agent, beats(1, 2, 3), NOW)) == 3
    assert database.write(lambda c: ingest.take(c, agent, beats(2, 3, 4), NOW)) == 4
    assert database.read(stored) == 4


def test_a_missing_event_stores_nothing_of_its_batch(database: Database) -> None:
    agent = enrolled(database)
    with pytest.raises(ProtocolViolation):
        database.write(lambda c: ingest.take(c, agent, beats(1, 2, 4), NOW))
    assert database.read(stored) == 0


def test_a_replaced_agent_stores_no_more_and_the_new_one_counts_from_1(
    database: Database,
) -> None:
    first = enrolled(database)
    database.write(lambda c: ingest.take(c, first, beats(1, 2), NOW))
    database.write(lambda c: practices.add_token(c, PRACTICE, "d" * 64, NOW))
    database.write(lambda c: practices.enrol(c, claim("e" * 64, "d" * 64), NOW))
    second = database.read(lambda c: practices.find(c, PRACTICE))
    with pytest.raises(Refused):
        database.write(lambda c: ingest.take(c, first, beats(3), NOW))
    assert database.write(lambda c: ingest.take(c, second, beats(1), NOW)) == 1
    assert database.read(stored) == 3


def test_a_token_is_good_until_its_last_second_and_not_after(database: Database) -> None:
    late = NOW + practices.TOKEN_SECONDS
    assert database.write(lambda c: practices.enrol(c, claim(), late)) is EnrollRefusal.TOKEN_EXPIRED
    assert database.write(lambda c: practices.enrol(c, claim(), late - 1)) is None


def test_an_order_waits_until_its_own_practice_answers_it(database: Database) -> None:
    agent, order = enrolled(database), Order("1" * 32, Pause())
    database.write(lambda c: practices.add(c, "f" * 32, "BIRCH-4", None, NOW))
    database.write(lambda c: orders.queue(c, PRACTICE, order, NOW))
    result = OrderResult(order.id, Outcome.DONE, None, None)
    database.write(lambda c: orders.settle(c, "f" * 32, result, NOW))
    assert database.read(lambda c: orders.waiting(c, PRACTICE)) == (order,)
    database.write(lambda c: ingest.take(c, agent, [Event(1, NOW, result)], NOW))
    assert database.read(lambda c: orders.waiting(c, PRACTICE)) == ()
    assert database.read(orders.newest_waiting) == {}


async def test_a_job_that_fails_takes_none_of_its_batch_with_it(database: Database) -> None:
    agent = enrolled(database)
    writer = Writer(database, asyncio.get_running_loop())
    jobs = [partial(_take, agent, numbers) for numbers in ((1,), (2,), (3, 9), (3,))]
    results = await asyncio.gather(*map(writer.run, jobs), return_exceptions=True)
    writer.close()
    assert results[:2] == [1, 2] and results[3] == 3
    assert isinstance(results[2], ProtocolViolation)
    assert database.read(stored) == 3


def _take(agent: practices.Practice, numbers: tuple[int, ...], connection: Connection) -> int:
    return ingest.take(connection, agent, beats(*numbers), NOW)


def test_every_commit_of_the_embedded_store_reaches_the_disk(tmp_path: Path) -> None:
    store = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    assert store.read(lambda c: c.execute(text("PRAGMA journal_mode")).scalar()) == "wal"
    assert store.read(lambda c: c.execute(text("PRAGMA synchronous")).scalar()) == 2


def test_an_older_store_is_copied_before_it_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    store.migrate()
    store.write(lambda c: practices.add(c, PRACTICE, "ALDER-7", None, NOW))
    monkeypatch.setattr("alembic.script.ScriptDirectory.get_current_head", lambda _: "0002")
    monkeypatch.setattr("console.hub.store.database._upgrade", lambda _: None)
    store.migrate()
    with sqlite3.connect(tmp_path / "hub.db.before-0001") as copy:
        assert copy.execute("SELECT code FROM practices").fetchall() == [("ALDER-7",)]


def test_another_database_system_is_refused() -> None:
    with pytest.raises(UsageProblem):
        Database("mysql://somewhere/hub")
    with pytest.raises(UsageProblem):
        Database("not a url")


def test_a_database_that_is_not_there_is_an_environment_problem_without_its_password() -> None:
    store = Database("postgresql+psycopg://hub:secret@127.0.0.1:1/hub")
    with pytest.raises(EnvironmentProblem) as problem:
        store.migrate()
    assert "secret" not in str(problem.value)
