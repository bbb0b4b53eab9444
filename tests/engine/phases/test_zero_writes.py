"""The dry run writes nothing, and each of the three proofs of that can say no: guard, read-only session, comparison.

What a C library, another program or another process writes is not heard by the guard; the comparison finds it.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.phases import dry_run
from engine.profiles.load import load_target
from engine.running.control import Uncontrolled
from engine.target import workshop, zero_writes
from engine.target.database import TargetDatabase
from engine.target.zero_writes import WriteRefused
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import Check, Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, run_phase

pytestmark = pytest.mark.attack


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return TinyPractice().build(tmp_path / "practice")


def _written_in_c(place: Path) -> None:
    """By the C library's own call, of which Python tells nobody."""
    library = ctypes.CDLL(None)
    handle = library.open(os.fsencode(place), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    assert handle >= 0 and library.write(handle, b"sneaky", 6) == 6
    library.close(handle)


def _elsewhere(write: Callable[[], object]) -> None:
    """In another process, which no guard watches."""
    if os.fork() == 0:
        zero_writes._active.clear()
        write()
        os._exit(0)
    os.wait()


def _execute(url: str, statement: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def _failed(tiny: Tiny, once: Callable[[], object]) -> set[Check]:
    """The checks that fail when `once` happens in the middle of the dry run."""

    class Meanwhile(Uncontrolled):
        left = 1

        def checkpoint(self) -> None:
            if self.left:
                self.left -= 1
                once()

    result, _ = run_phase(dry_run.run, Phase.DRY_RUN, tiny, control=Meanwhile())
    return {check.check for check in result.checks if check.verdict is Verdict.FAIL}


def test_a_quiet_dry_run_fails_none_of_them(tiny: Tiny) -> None:
    assert _failed(tiny, lambda: None) == set()


@pytest.mark.parametrize("place", ["Images/new.dex", "Thumbnails/new"])
def test_a_file_that_a_c_library_adds_to_the_target_is_found(tiny: Tiny, place: str) -> None:
    assert _failed(tiny, lambda: _written_in_c(tiny.store / place)) == {Check.TARGET_UNCHANGED}


def test_a_file_that_a_c_library_changes_in_the_source_is_found(tiny: Tiny) -> None:
    place = tiny.folder.parent / "source" / "1.2.11" / "b.dcm"
    assert _failed(tiny, lambda: _written_in_c(place)) >= {Check.SOURCE_UNCHANGED}


def test_a_file_that_a_c_library_adds_to_the_source_is_found(tiny: Tiny) -> None:
    place = tiny.folder.parent / "source" / "1.2.11" / "new"
    assert _failed(tiny, lambda: _written_in_c(place)) == {Check.NOTHING_NEWER, Check.NO_BLOCKERS}


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO Person (PersonID, Removed) VALUES (9, 0)", "UPDATE SystemInfo SET Value = '10.0'",
     "DELETE FROM SystemInfo"],
)  # fmt: skip
def test_a_row_that_another_process_writes_to_the_target_is_found(tiny: Tiny, statement: str) -> None:
    assert _failed(tiny, lambda: _elsewhere(lambda: _execute(tiny.target, statement))) == {Check.TARGET_UNCHANGED}


def test_a_row_that_another_process_writes_to_staging_is_found(tiny: Tiny) -> None:
    """On SQLite the open reading transaction keeps others out of the file itself; so it is exchanged."""
    staging = Path(tiny.staging.removeprefix("sqlite:///"))
    other = staging.with_name("other.sqlite")
    other.write_bytes(staging.read_bytes())
    _execute(f"sqlite:///{other}", "UPDATE patient SET family_name = 'x' WHERE id = 3")
    assert _failed(tiny, lambda: _elsewhere(lambda: other.replace(staging))) == {Check.SOURCE_UNCHANGED}


@pytest.mark.parametrize(
    "attempt",
    [
        lambda tiny: subprocess.run(["touch", tiny.store / "Images" / "x"], check=False),
        lambda tiny: (tiny.store / "Images" / "x").write_bytes(b"x"),
        lambda tiny: _execute(tiny.target, "DELETE FROM SystemInfo"),
    ],
    ids=["program", "file", "database"],
)
def test_what_the_guard_hears_ends_the_dry_run_and_leaves_no_plan(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, attempt: Callable[[Tiny], object]
) -> None:
    before = tiny.target_rows(), tiny.store_content()
    monkeypatch.setattr(workshop, "decode", lambda data: attempt(tiny))
    with pytest.raises(WriteRefused):
        run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert (tiny.target_rows(), tiny.store_content()) == before
    assert not tiny.job.plan_path.exists()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_targets_own_session_cannot_write_even_below_the_statement_guard(
    tmp_path: Path, request: pytest.FixtureRequest, dialect: str
) -> None:
    target = None if dialect == "sqlite" else request.getfixturevalue("new_database")()
    tiny = TinyPractice().build(tmp_path / "practice", target=target)
    database = TargetDatabase(tiny.target, load_target("dexis10"), read_only=True)
    with closing(database):
        raw = database._engine.raw_connection()
        with closing(raw), pytest.raises(Exception, match=r"read-only|readonly|read only"):
            raw.cursor().execute("DELETE FROM SystemInfo")
        with pytest.raises(EnvironmentProblem), database.transaction() as connection:
            connection.execute(sa.text("DELETE FROM SystemInfo"))
    assert len(tiny.target_rows()["systeminfo"]) > 0
