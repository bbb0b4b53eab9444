"""The journal: every state change is allowed by the table, durable, and bound to its run and plan."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal import TRANSITIONS, Journal, Recorded, State, recorded
from engine.numbers import Numbers
from engine.target.files import PlannedFile
from engine.target.keys import Keys
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import Refusal

RUN, PLAN = "a" * 32, "b" * 64
KEYS = Keys({"p": 5}, {"s": 7}, {}, {"i": 9})
FILES = (PlannedFile("Images/x", "1" * 64), PlannedFile("Images/y", "2" * 64))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite", RUN, PLAN)
    yield opened
    opened.close()


def _reopened(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite", RUN, PLAN)


def test_an_intent_survives_with_keys_paths_and_digests(journal: Journal, tmp_path: Path) -> None:
    journal.begin(3, KEYS, FILES)
    other = _reopened(tmp_path)
    assert other.numbers(State.INTENT) == [3]
    found = other.intent(3)
    assert (found.attempt, found.keys, found.files) == (1, KEYS, FILES)
    other.close()


def test_each_attempt_is_counted_and_replaces_the_files_of_the_last(journal: Journal) -> None:
    journal.begin(3, KEYS, FILES)
    journal.undone(3)
    journal.begin(3, KEYS, FILES[:1])
    assert journal.intent(3).attempt == 2
    assert journal.intent(3).files == FILES[:1]


def test_a_patient_that_is_done_stays_done(journal: Journal) -> None:
    journal.begin(3, KEYS, FILES)
    journal.done(3)
    for step in (lambda: journal.begin(3, KEYS, FILES), lambda: journal.undone(3), lambda: journal.set_aside(3, "x")):
        with pytest.raises(ValueError, match="cannot become"):
            step()
    assert journal.state(3) is State.DONE


def test_an_attempt_that_is_still_open_is_never_set_aside(journal: Journal) -> None:
    journal.begin(3, KEYS, FILES)
    with pytest.raises(ValueError, match="cannot become"):
        journal.set_aside(3, "x")
    assert journal.state(3) is State.INTENT


def test_a_patient_set_aside_before_any_attempt_can_be_tried_later(journal: Journal) -> None:
    journal.set_aside(3, "a path is taken")
    journal.begin(3, KEYS, FILES)
    assert journal.intent(3).attempt == 1


def test_only_files_of_patients_that_are_done_count_as_done(journal: Journal) -> None:
    journal.begin(1, KEYS, FILES)
    journal.begin(2, KEYS, FILES)
    journal.done(1)
    assert journal.files_done(Numbers([1, 2])) == 2
    assert journal.files_done(Numbers([2])) == 0


def test_sessions_are_numbered(journal: Journal, tmp_path: Path) -> None:
    assert (journal.next_session(), journal.next_session()) == (1, 2)
    other = _reopened(tmp_path)
    assert other.next_session() == 3
    other.close()


@pytest.mark.parametrize(
    ("run", "plan", "reason"), [("c" * 32, PLAN, Refusal.WRONG_RUN), (RUN, "c" * 64, Refusal.EVIDENCE_NOT_NEWEST)]
)
def test_a_journal_of_another_run_or_plan_is_refused(
    journal: Journal, tmp_path: Path, run: str, plan: str, reason: Refusal
) -> None:
    journal.begin(3, KEYS, FILES)
    with pytest.raises(Refused) as refused:
        Journal(tmp_path / "journal.sqlite", run, plan)
    assert refused.value.reason is reason


def test_a_damaged_journal_is_an_environment_problem_and_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no database at all" * 100)
    for attempt in (lambda: Journal(path, RUN, PLAN), lambda: recorded(path)):
        with pytest.raises(EnvironmentProblem):
            attempt()
    assert path.read_bytes() == b"no database at all" * 100


def test_a_journal_is_bound_to_its_plan_by_the_first_attempt_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    assert recorded(path) == Recorded()
    Journal(path, RUN, "c" * 64).close()
    assert recorded(path) == Recorded()
    journal = Journal(path, RUN, PLAN)
    assert not journal.has_begun()
    journal.begin(1, KEYS, FILES)
    assert journal.has_begun()
    assert recorded(path) == Recorded(PLAN, {1: State.INTENT})
    journal.close()


def test_a_journal_that_an_earlier_version_bound_before_any_attempt_is_not_bound(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path, RUN, "c" * 64).close()
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO header VALUES ('plan', ?)", ("c" * 64,))
    database.close()
    assert recorded(path) == Recorded()
    journal = Journal(path, RUN, PLAN)
    assert not journal.has_begun()
    journal.close()


def test_every_word_is_on_the_disk_before_the_next_step(journal: Journal, tmp_path: Path) -> None:
    assert journal._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@given(st.lists(st.sampled_from([State.INTENT, State.UNDONE, State.DONE, State.SET_ASIDE]), max_size=12))
def test_the_journal_follows_the_table_and_nothing_else(wishes: list[State]) -> None:
    journal = Journal(Path(":memory:"), RUN, PLAN)
    steps = {
        State.INTENT: lambda: journal.begin(1, KEYS, FILES),
        State.UNDONE: lambda: journal.undone(1),
        State.DONE: lambda: journal.done(1),
        State.SET_ASIDE: lambda: journal.set_aside(1, "why"),
    }
    state = State.NEW
    for wish in wishes:
        if wish in TRANSITIONS[state]:
            steps[wish]()
            state = wish
        else:
            with pytest.raises(ValueError, match="cannot become"):
                steps[wish]()
        assert journal.state(1) is state
    journal.close()


def test_a_step_that_fails_half_way_leaves_the_state_before(journal: Journal) -> None:
    journal.begin(1, KEYS, FILES)
    journal.undone(1)
    twice = (FILES[0], FILES[0])
    with pytest.raises(EnvironmentProblem) as problem:
        journal.begin(1, KEYS, twice)
    assert isinstance(problem.value.__cause__, sqlite3.IntegrityError)
    assert journal.state(1) is State.UNDONE
    assert journal.intent(1).files == FILES
