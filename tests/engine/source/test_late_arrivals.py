"""What DEXIS 11 adds after the snapshot is told apart from what is changed or gone, in its store and its database."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from engine.job import Job
from engine.profiles.load import load_source
from engine.settings import SnapshotKind
from engine.source import check, production
from engine.source.check import Arrival, late_arrivals, source_check
from engine.source.database import SourceDatabase
from engine.source.fingerprint import take
from engine.source.listing import Change, StoreFile, compared, listed, read_listing, write_listing
from engine.source.production import MAY_WRITE, require_reader
from protocol.errors import EnvironmentProblem, UsageProblem
from tests.engine.source.practice import fill_postgresql, fill_sqlite, job
from tests.simulators.postgresql import run_sql

PROFILE = load_source("dexis11")


def stage(this: Job) -> None:
    with SourceDatabase.open(this.source.staging, PROFILE) as database:
        take(this, database).save(this.fingerprint_path)


@pytest.fixture
def staged(tmp_path: Path) -> Job:
    """A job with two files in its store, and production as it was at the snapshot."""
    for place in ("1.2.100/a.dcm", "1.2.100/b.dcm"):
        path = tmp_path / "store" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(place.encode())
    (tmp_path / "backup.db").write_bytes(b"the backup")
    this = job(tmp_path, SnapshotKind.SQLITE_FILE, tmp_path / "backup.db", fill_sqlite(tmp_path / "staging.db"))
    shutil.copy(tmp_path / "staging.db", tmp_path / "production.db")
    this = replace(this, source=replace(this.source, production=f"sqlite:///{tmp_path}/production.db"))
    stage(this)
    return this


def on_production(this: Job, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(this.folder / "production.db")) as connection, connection:
        connection.execute(statement)


def test_nothing_has_come(staged: Job) -> None:
    assert late_arrivals(staged) == ()
    assert source_check(staged).is_as_staged


def test_a_file_that_was_added_is_a_late_arrival_and_nothing_has_changed(staged: Job) -> None:
    (staged.source.store[0] / "1.2.100" / "aa.dcm").write_bytes(b"fresh")
    told: list[Arrival] = []
    state = source_check(staged, told.append)
    assert state.changed == () and not state.is_as_staged
    assert (state.arrived, state.arrivals) == (("store: 1 file more than at staging (5 bytes)",), 1)
    assert told == [Arrival("1.2.100/aa.dcm", "5 bytes, not there when the source was staged")]
    assert late_arrivals(staged) == state.arrived


def test_what_is_changed_or_gone_is_no_arrival(staged: Job) -> None:
    folder = staged.source.store[0] / "1.2.100"
    (folder / "a.dcm").write_bytes(b"another")
    (folder / "b.dcm").unlink()
    state = source_check(staged)
    assert state.changed == ("store: 1 file of another size or modification time", "store: 1 file gone")
    assert late_arrivals(staged) == ()
    assert state.examples == {
        Change.ADDED: [],
        Change.CHANGED: ["1.2.100/a.dcm"],
        Change.REMOVED: ["1.2.100/b.dcm"],
    }


@pytest.mark.parametrize("at_once", [1, 2, 3, 500])
def test_every_file_of_staging_that_is_still_there_is_told_once(
    staged: Job, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_KNOWN_AT_ONCE", at_once)
    folder = staged.source.store[0] / "1.2.100"
    for name in ("c.dcm", "d.dcm", "e.dcm", "gone.dcm"):
        (folder / name).write_bytes(b"picture")
    stage(staged)
    (folder / "a.dcm").write_bytes(b"another")
    (folder / "gone.dcm").unlink()
    (folder / "new.dcm").write_bytes(b"fresh")
    told: list[list[str]] = []
    source_check(staged, on_known=lambda files: told.append([file.name for file in files]))
    assert [name for names in told for name in names] == [f"1.2.100/{letter}.dcm" for letter in "abcde"]
    assert max(map(len, told)) <= at_once


def test_a_renamed_file_is_both(staged: Job) -> None:
    folder = staged.source.store[0] / "1.2.100"
    (folder / "a.dcm").rename(folder / "z.dcm")
    state = source_check(staged)
    assert state.changed == ("store: 1 file gone",)
    assert state.arrivals == 1


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("INSERT INTO media SELECT id + 9000, series_id, type, 'u', file_name, category, acquisition_date_time, "
         "instance_number, rotation, mirrored, teeth, deleted FROM media WHERE id = 1000",
         "production: 1 images more than in the snapshot"),
        ("DELETE FROM annotation", "production: "),
        ("INSERT INTO patient SELECT id + 9000, family_name, given_name, middle_name, sex, dob, practice_pms_id, "
         "deleted FROM patient WHERE id = 10", "production: 1 patients more than in the snapshot"),
        ("UPDATE media SET acquisition_date_time = '2031-01-01 10:00:00' WHERE id = 1000",
         "production: its newest image is another than the snapshot's"),
    ],
)  # fmt: skip
def test_rows_that_production_has_and_the_snapshot_has_not_are_late_arrivals(
    staged: Job, statement: str, sentence: str
) -> None:
    on_production(staged, statement)
    state = source_check(staged)
    assert state.changed == ()
    assert len(state.arrived) == state.arrivals == 1
    assert state.arrived[0].startswith(sentence)


def test_production_on_postgresql_is_asked_too_and_stays_as_it_is(staged: Job, new_database: Callable[[], str]) -> None:
    snapshot, live = fill_postgresql(new_database()), fill_postgresql(new_database())
    this = replace(staged, source=replace(staged.source, staging=snapshot, production=live))
    stage(this)
    assert late_arrivals(this) == ()
    run_sql(live, "DELETE FROM annotation")
    assert late_arrivals(this)[0].startswith("production: ")


def test_production_of_another_kind_than_the_copy_is_compared_by_what_is_meant(
    staged: Job, new_database: Callable[[], str]
) -> None:
    """One of the two says a moment as a text."""
    this = replace(staged, source=replace(staged.source, production=fill_postgresql(new_database())))
    assert late_arrivals(this) == ()


def test_production_that_does_not_answer_is_an_error_and_not_a_pass(staged: Job) -> None:
    (staged.folder / "production.db").unlink()
    with pytest.raises(EnvironmentProblem, match="no such database"):
        source_check(staged)


@pytest.mark.parametrize("fate", ["written anew", "taken away", "being written"])
def test_a_newer_backup_in_the_place_of_the_staged_one_is_a_late_arrival(staged: Job, fate: str) -> None:
    """Staging is a copy: the night goes on. But nobody knows what the newer one holds."""
    this = replace(staged, source=replace(staged.source, production=None))
    place = this.source.snapshot.path
    if fate == "taken away":
        place.unlink()
    else:
        place.write_bytes(b"the next night's" if fate == "written anew" else b"")
    arrivals = list[Arrival]()
    state = source_check(this, arrivals.append)
    assert (state.changed, state.arrivals) == ((), 1)
    assert state.arrived == late_arrivals(this) and "backup: it was written anew" in state.arrived[0]
    assert [arrival.place for arrival in arrivals] == [None]


def test_production_knows_better_than_a_backup_that_is_written_every_night(staged: Job) -> None:
    staged.source.snapshot.path.write_bytes(b"the next night's")
    assert source_check(staged).is_as_staged and late_arrivals(staged) == ()


def test_without_production_in_job_toml_only_the_store_is_looked_at(staged: Job) -> None:
    on_production(staged, "DELETE FROM annotation")
    assert late_arrivals(replace(staged, source=replace(staged.source, production=None))) == ()


MSSQL = "mssql+pyodbc://@.\\\\DEXIS/core?driver=x"


@pytest.mark.attack
@pytest.mark.parametrize("rights", [1, 3, None])
def test_a_sql_server_login_that_could_write_production_is_refused(rights: int | None) -> None:
    with pytest.raises(UsageProblem, match="could write"):
        require_reader(MSSQL, lambda url, statement: rights)


@pytest.mark.attack
def test_production_is_not_opened_before_its_login_is_known_to_be_unable_to_write(
    staged: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(production, "_asked", lambda url, statement: 1)
    with pytest.raises(UsageProblem, match="could write"):
        late_arrivals(replace(staged, source=replace(staged.source, production=MSSQL)))


def test_a_sql_server_login_that_can_only_read_is_taken_and_asked_by_a_select() -> None:
    asked: list[str] = []

    def ask(url: str, statement: str) -> int:
        asked.append(statement)
        return 0

    require_reader(MSSQL, ask)
    require_reader("sqlite:///production.db", ask)  # its file mode forbids writing
    assert asked == [MAY_WRITE]
    assert isinstance(sqlglot.parse_one(MAY_WRITE, dialect="tsql"), sqlglot.exp.Select)
    assert all(f"'{right}'" in MAY_WRITE for right in ("INSERT", "UPDATE", "DELETE"))


def test_the_same_path_in_two_folders_of_the_store_is_two_files(tmp_path: Path) -> None:
    for root in ("one", "two"):
        (tmp_path / root).mkdir()
        (tmp_path / root / "a").write_bytes(b"x")
    roots = [tmp_path / "one", tmp_path / "two"]
    before = list(listed(roots))
    assert [file.root for file in before] == [0, 1]
    (tmp_path / "one" / "a").unlink()
    assert [(change, file.root) for change, file in compared(before, listed(roots))] == [
        (Change.REMOVED, 0),
        (Change.NONE, 1),
    ]


def test_names_that_are_not_utf8_and_folders_beside_files_of_like_names_keep_the_order(tmp_path: Path) -> None:
    names = [b"a", b"a.dcm", b"a-b", b"\xff", b"z", "é".encode(), b"new\nline", b"back\\xff"]
    for name in names[1:]:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "inside").write_bytes(b"x")
    before = list(listed([tmp_path]))
    assert sorted(before, key=lambda file: file.place) == before
    for name in names[1:]:
        (tmp_path / os.fsdecode(name)).unlink()
        found = [change for change, _ in compared(before, listed([tmp_path])) if change is not Change.NONE]
        assert found == [Change.REMOVED], name
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
        for file in tmp_path.iterdir():
            if file.is_file():
                os.utime(file, ns=(0, 0))
        before = list(listed([tmp_path]))


FILES = st.dictionaries(
    st.lists(st.sampled_from("ab-~"), min_size=1, max_size=3).map("/".join), st.tuples(st.integers(0, 2)), max_size=8
)


def _files(chosen: dict[str, tuple[int]]) -> list[StoreFile]:
    return sorted((StoreFile(0, name, size, 0) for name, (size,) in chosen.items()), key=lambda file: file.place)


@given(FILES, FILES)
def test_comparing_two_lists_is_comparing_two_mappings(old: dict[str, tuple[int]], new: dict[str, tuple[int]]) -> None:
    found = {file.name: change for change, file in compared(_files(old), _files(new))}
    assert found == {
        name: Change.REMOVED
        if name not in new
        else Change.ADDED
        if name not in old
        else Change.NONE
        if old[name] == new[name]
        else Change.CHANGED
        for name in old.keys() | new.keys()
    }


@given(st.lists(st.text(max_size=5), max_size=5))
def test_the_list_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("list") / "source-files.gz"
    files = [StoreFile(0, name.encode("utf-8", "replace").decode(), 1, 2) for name in names]
    assert list(read_listing(path, write_listing(path, files))) == files


def _cut(content: bytes) -> bytes:
    return content[:-9]


def _flipped(content: bytes) -> bytes:
    return content[:15] + bytes([content[15] ^ 1]) + content[16:]


def _emptied(content: bytes) -> bytes:
    return b""


@pytest.mark.attack
@pytest.mark.parametrize("spoil", [_cut, _flipped, _emptied])
def test_a_damaged_list_is_an_error_and_not_a_pass(staged: Job, spoil: Callable[[bytes], bytes]) -> None:
    staged.listing_path.write_bytes(spoil(staged.listing_path.read_bytes()))
    with pytest.raises(EnvironmentProblem, match="damaged"):
        source_check(staged)


@pytest.mark.attack
def test_a_list_of_another_staging_is_an_error_and_not_a_pass(staged: Job) -> None:
    write_listing(staged.listing_path, [])
    with pytest.raises(EnvironmentProblem, match="damaged"):
        late_arrivals(staged)


@pytest.mark.attack
@pytest.mark.parametrize("other", [StoreFile(0, "b.dcm", 5, 1), StoreFile(0, "a.dcm", 5, 2)], ids=["name", "time"])
def test_a_list_that_only_counts_the_same_is_an_error_and_not_a_pass(tmp_path: Path, other: StoreFile) -> None:
    path = tmp_path / "source-files.gz"
    expected = write_listing(path, [StoreFile(0, "a.dcm", 5, 1)])
    write_listing(path, [other])
    with pytest.raises(EnvironmentProblem, match="damaged"):
        list(read_listing(path, expected))


def test_without_the_list_stage_is_what_comes_next(staged: Job) -> None:
    staged.listing_path.unlink()
    with pytest.raises(UsageProblem, match="missing") as problem:
        late_arrivals(staged)
    assert "stage" in problem.value.next_step


def test_many_files_are_compared_without_being_held(staged: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is alive at once is counted, rather than bytes: a list of all would hold every one."""
    alive = most = 0

    class Counted(StoreFile):
        def __post_init__(self) -> None:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def many(count: int) -> Iterable[StoreFile]:
        return (Counted(0, f"{number:07}", 1, 1) for number in range(count))

    assert sum(change is Change.ADDED for change, _ in compared(many(20_000), many(20_003))) == 3
    assert 1 < most < 10


def test_only_a_few_files_of_each_kind_are_named(staged: Job) -> None:
    for number in range(30):
        (staged.source.store[0] / f"new{number:02}").write_bytes(b"x")
    state = source_check(staged)
    assert state.arrivals == 30
    assert len(state.examples[Change.ADDED]) == check.MOST_EXAMPLES
