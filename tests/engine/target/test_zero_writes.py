"""The write guard: below the job's folder everything, elsewhere nothing, and only while it is active."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.target.zero_writes import WriteGuard, WriteRefused


def _read(place: Path) -> object:
    return place.read_bytes()


ATTEMPTS: dict[str, Callable[[Path], object]] = {
    "open to write": lambda place: place.write_bytes(b"x"),
    "open to append": lambda place: place.open("ab"),
    "open to update": lambda place: place.open("r+b"),
    "open exclusively": lambda place: place.with_name("new").open("xb"),
    "open by descriptor": lambda place: os.open(place, os.O_WRONLY),
    "truncate": lambda place: os.truncate(place, 0),
    "rename": lambda place: place.rename(place.with_name("other")),
    "replace": lambda place: place.replace(place.with_name("other")),
    "hard link": lambda place: os.link(place, place.with_name("other")),
    "symbolic link": lambda place: place.with_name("other").symlink_to(place),
    "remove": lambda place: place.unlink(),
    "make a folder": lambda place: place.with_name("folder").mkdir(),
    "remove a folder": lambda place: shutil.rmtree(place.parent),
    "set times": os.utime,
    "set mode": lambda place: place.chmod(0o600),
    "open a database": sqlite3.connect,
    "open a database by its address": lambda place: sqlite3.connect(f"{place.as_uri()}?mode=rwc", uri=True),
}

PROGRAMS: dict[str, Callable[[Path], object]] = {
    "subprocess": lambda place: subprocess.run(["touch", place], check=False),
    "shell": lambda place: os.system(f"touch {place}"),  # noqa: S605 - it must not start
    "spawn": lambda place: os.posix_spawn("/bin/touch", ["touch", str(place)], {}),
    "exec": lambda place: os.execv("/bin/touch", ["touch", str(place)]),  # noqa: S606 - it must not start
}


@pytest.mark.attack
@pytest.mark.parametrize("program", PROGRAMS)
def test_no_other_program_is_started_whatever_it_would_write(tmp_path: Path, program: str) -> None:
    with WriteGuard(tmp_path) as guard, pytest.raises(WriteRefused, match="program"):
        PROGRAMS[program](tmp_path / "below")
    assert guard.refused == 1
    assert not (tmp_path / "below").exists()


def test_a_database_may_be_read_everywhere_and_kept_in_memory(tmp_path: Path) -> None:
    place = tmp_path / "target.sqlite"
    sqlite3.connect(place).close()
    (tmp_path / "job").mkdir()
    with WriteGuard(tmp_path / "job") as guard:
        for name in (f"{place.as_uri()}?mode=ro", f"{place.as_uri()}?mode=ro&immutable=1", ":memory:"):
            sqlite3.connect(name, uri=True).close()
        sqlite3.connect(tmp_path / "job" / "plan.sqlite").close()
    assert guard.refused == 0


@pytest.mark.attack
def test_a_write_mode_that_only_looks_like_reading_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "target.sqlite"
    (tmp_path / "job").mkdir()
    for name in (f"{place.as_uri()}?mode=rw&note=mode=ro", f"{place.as_uri()}?cache=private", f"file:{place}"):
        with WriteGuard(tmp_path / "job"), pytest.raises(WriteRefused):
            sqlite3.connect(name, uri=True)
    assert not place.exists()


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_every_way_to_change_a_file_outside_is_refused_and_counted(tmp_path: Path, attempt: str) -> None:
    job, store = tmp_path / "job", tmp_path / "store"
    job.mkdir()
    store.mkdir()
    place = store / "file"
    place.write_bytes(b"before")
    with WriteGuard(job) as guard:
        with pytest.raises(WriteRefused):
            ATTEMPTS[attempt](place)
        assert guard.refused >= 1
    assert [path.name for path in store.iterdir()] == ["file"]
    assert place.read_bytes() == b"before"


# Taken relative to an open folder, whose name the guard cannot know, removal is refused everywhere.
@pytest.mark.parametrize("attempt", sorted(ATTEMPTS.keys() - {"remove a folder"}))
def test_below_the_jobs_folder_all_of_it_works(tmp_path: Path, attempt: str) -> None:
    place = tmp_path / "below" / "file"
    place.parent.mkdir()
    place.write_bytes(b"before")
    with WriteGuard(tmp_path) as guard:
        ATTEMPTS[attempt](place)
    assert guard.refused == 0


@pytest.mark.attack
@pytest.mark.parametrize("way", ["in", "out"])
def test_no_file_is_moved_over_the_border_of_the_jobs_folder(tmp_path: Path, way: str) -> None:
    """A move into it takes a file away from the source; a move out of it may replace one of the target."""
    job, store = tmp_path / "job", tmp_path / "store"
    for folder, content in ((job, b"ours"), (store, b"theirs")):
        folder.mkdir()
        (folder / "file").write_bytes(content)
    moved, to = (store / "file", job / "taken") if way == "in" else (job / "file", store / "file")
    with WriteGuard(job), pytest.raises(WriteRefused):
        moved.replace(to)
    assert (store / "file").read_bytes() == b"theirs"


def test_what_is_open_already_may_be_written(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    with (tmp_path / "open").open("wb") as before, WriteGuard(tmp_path / "job") as guard:
        with os.fdopen(os.dup(before.fileno()), "wb") as file:
            file.write(b"x")
        assert guard.refused == 0


def test_reading_works_everywhere(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "job").mkdir()
    with WriteGuard(tmp_path / "job") as guard:
        assert _read(tmp_path / "file") == b"x"
        Path(os.devnull).write_bytes(b"x")
    assert guard.refused == 0


def test_a_folder_with_the_jobs_name_as_its_beginning_is_outside(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job2").mkdir()
    with WriteGuard(tmp_path / "job"), pytest.raises(WriteRefused):
        (tmp_path / "job2" / "x").write_bytes(b"x")


def test_a_link_out_of_the_jobs_folder_does_not_help(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "job" / "out").symlink_to(tmp_path / "store")
    with WriteGuard(tmp_path / "job"), pytest.raises(WriteRefused):
        (tmp_path / "job" / "out" / "x").write_bytes(b"x")


def test_afterwards_the_process_may_write_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job").mkdir()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    with WriteGuard(tmp_path / "job"):
        assert sys.dont_write_bytecode
    assert not sys.dont_write_bytecode
    (tmp_path / "x").write_bytes(b"x")
