"""The practice that every fault happens to: planned, its target already in use, and what its end must be."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import sqlalchemy as sa

import engine.profiles.load
from engine.journal import State, recorded
from engine.phases import convert, dry_run
from engine.plan.reader import Plan
from engine.plan.values import PlannedPatient
from engine.running.control import Uncontrolled
from engine.target import hold
from protocol.errors import Interrupted
from protocol.vocabulary import Phase, Verdict
from tests.engine.made_keys import has_made_keys, let_the_database_make_keys
from tests.engine.tiny import Tiny, TinyPractice, dicom, run_phase
from tests.faults.meaning import by_meaning, is_named_after
from tests.simulators.postgresql import run_sql, with_database

_NUMBER: Final = 0xFE  # the largest key in use: ours begin at 0xff, and the second image starts a new folder
_FOREIGN_ROWS: Final = (
    f"INSERT INTO Person VALUES ({_NUMBER}, NULL, 0)",
    f"INSERT INTO PersonName VALUES ({_NUMBER}, 1, 'Long', 'Before', NULL, NULL, NULL)",
    f"INSERT INTO Patient VALUES ({_NUMBER}, '9', NULL, 'M')",
    f"INSERT INTO Study VALUES ({_NUMBER}, {_NUMBER}, 'old', NULL)",
    f"INSERT INTO Series VALUES ({_NUMBER}, {_NUMBER}, 'old')",
    f"INSERT INTO Visual VALUES ({_NUMBER}, {_NUMBER}, 1, NULL, NULL)",
    f"INSERT INTO ActivityLog VALUES ('FileImport', 'Images/00/00/0f/000000fe.dex', {_NUMBER}, NULL)",
)
_FOREIGN_FILES: Final = {
    "Images/00/00/0f/000000fe.dex": b"a radiograph from before",
    "Images/00/00/0f/notes.txt": b"in the folder where ours go",
    "Thumbnails/000000fe.jpg": b"its thumbnail",
    "desktop.ini": b"[ViewState]",
    ".bitewing-incoming-of-another-run/1/000000ff": b"not of this run",
}
# Where a patient's own keys stand: table to the entity and the position of its key in a row; the key comes first, or
# behind texts without a comma.
_KEYS: Final = {
    **{"person": ("patient", 0), "personname": ("patient", 0), "patient": ("patient", 0)},
    **{"study": ("study", 0), "series": ("series", 0), "visual": ("image", 0), "image": ("image", 0)},
    "activitylog": ("image", 2),
}

Item = tuple[str, ...]  # a file with its digest, a folder, or a row, as text that can be compared
Sleep = Callable[[float], None]


class Broken(AssertionError):
    """A promise of the conversion was not kept; the text says which."""


@dataclass(frozen=True)
class Unit:
    """What is all or nothing: what leaves the target and what comes into it, together. No folders among them."""

    leaves: Counter[Item]
    comes: Counter[Item]


@dataclass(frozen=True)
class Practice:
    """A planned practice to be copied for each fault, and the state of its target before and after."""

    folder: Path
    server: str | None  # the PostgreSQL server that holds its target; None: SQLite beside the store
    before: Counter[Item]
    after: Counter[Item]
    units: tuple[Unit, ...]
    foreign: tuple[tuple[Any, ...], ...]

    @staticmethod
    def build(folder: Path, server: str | None = None, *, top_up: bool = False, made_keys: bool = False) -> Practice:
        """Plans the tiny practice over a target that is in use, and converts a copy of it undisturbed.

        `top_up`: the practice was converted before and went on since; it is the top-up that is planned.
        `made_keys`: the target's database makes the keys of patients, studies and series.
        """
        target = None if server is None else _new_database(server, _database_name(folder))
        tiny_practice = TinyPractice()
        tiny = tiny_practice.build(folder, target=target)
        _occupy(tiny)
        if made_keys:
            let_the_database_make_keys(tiny, after=_NUMBER)
        run_phase(dry_run.run, Phase.DRY_RUN, tiny)
        if top_up:
            _require(converted(tiny), "the first conversion does not pass")
            go_on(tiny_practice)
            tiny_practice.restage(tiny)
            run_phase(dry_run.run, Phase.DRY_RUN, tiny)
        planned = Practice(folder, server, state(tiny), Counter(), (), foreign(tiny))
        undisturbed = planned.copy(folder.with_name(f"{folder.name}-undisturbed"))
        _require(converted(undisturbed), "the undisturbed conversion does not pass")
        after = state(undisturbed)
        with closing(Plan(undisturbed.job.plan_path)) as plan:
            changes = [plan.change(number) for number in sorted(plan.changes())]
            units = [Unit(_items_of(one.leaves, planned.before), _items_of(one.comes, after)) for one in changes]
        return Practice(folder, server, planned.before, after, tuple(units), planned.foreign)

    def copy(self, to: Path) -> Tiny:
        """A copy that a fault may happen to; file times stay."""
        shutil.copytree(self.folder, to, symlinks=True)
        tiny = Tiny(to / "job")
        if self.server is not None:
            mine, its = (sa.engine.make_url(Tiny(self.folder / "job").target).database, _database_name(to))
            _new_database(self.server, its, template=mine)
            settings = tiny.folder / "job.toml"
            text = settings.read_text(encoding="utf-8").replace(f"/{mine}", f"/{its}")
            settings.write_text(text, encoding="utf-8")
        return tiny

    def starting(self, folder: Path) -> Practice:
        """The same practice, whose faults start from the state that `folder`, a copy, is in."""
        return replace(self, folder=folder)

    def remove(self, tiny: Tiny) -> None:
        """Takes a copy away again."""
        if self.server is not None:
            run_sql(self.server, f"DROP DATABASE {sa.engine.make_url(tiny.target).database} WITH (FORCE)")
        shutil.rmtree(tiny.folder.parent)

    def require_possible(self, tiny: Tiny, *, lost: bool) -> None:
        """Right after a fault, before any recovery: nothing foreign, nothing half, no committed row without its file.

        `lost`: the scene itself took files away.
        """
        found = state(tiny)
        _require(not (strange := found - (self.before | self.after)), f"there, and never should be: {_few(strange)}")
        _require(not (gone := (self.before & self.after) - found), f"was there before and is gone: {_few(gone)}")
        for unit in self.units:
            for items in (unit.leaves, unit.comes):
                has_rows, missing = any(item[0] == "row" for item in items & found), items - found
                _require(not has_rows or lost or not missing, f"its rows are there, and this is not: {_few(missing)}")

    def require_whole(self, tiny: Tiny) -> None:
        """After recovery: each patient all or nothing, and nothing else."""
        found = _without_folders(state(tiny, incoming=True))
        expected = _without_folders(self.before & self.after)
        for number, unit in enumerate(self.units, 1):
            left, came = unit.leaves & found, unit.comes & found
            whole = (left, came) in ((unit.leaves, Counter()), (Counter(), unit.comes))
            _require(whole, f"patient {number} is half there: {len(came)} of {len(unit.comes)} items")
            expected += left + came
        _require(found == expected, f"left over: {_few(found - expected)}")

    def require_end(self, tiny: Tiny) -> None:
        """After convert passed: as if nothing had happened, foreign files to the last byte of their times."""
        found = state(tiny, incoming=True)
        _require(found == self.after, f"differs: {_few(found - self.after)}, missing: {_few(self.after - found)}")
        _require(foreign(tiny) == self.foreign, "a file that was there before was touched")
        with closing(Plan(tiny.job.plan_path)) as plan:
            states = recorded(tiny.job.journal_path).states
            done = [number for number in plan.changes() if states.get(number) is State.DONE]
            _require(done == list(plan.changes()), "the journal does not call every change done")
            left = set(states.values()) - {State.DONE, State.REPLACED}
            _require(not left, f"the journal still says {left}")


def converted(tiny: Tiny, sleep: Sleep = lambda seconds: None) -> bool:
    """Runs convert as the command does; whether every check passed. The source's fingerprint is one of them."""
    result, _ = run_phase(convert.run, Phase.CONVERT, tiny, sleep=sleep)
    return all(check.verdict is Verdict.PASS for check in result.checks)


class _StopsAtOnce(Uncontrolled):
    def checkpoint(self) -> None:
        raise Interrupted("stopped")


def recovered(tiny: Tiny) -> None:
    """Starts convert and stops it before the first patient: what an earlier session left is settled, no more."""
    try:
        run_phase(convert.run, Phase.CONVERT, tiny, control=_StopsAtOnce(), sleep=lambda seconds: None)
    except Interrupted:
        return


def state(tiny: Tiny, *, incoming: bool = False) -> Counter[Item]:
    """Everything in the target: files with digests, folders, rows. SQLite is read in a copy, which leaves its own
    recovery to the engine. `incoming`: this run's incoming folder too, and the lock of the target.

    Keys that the database makes depend on what it made before: there rows are told apart by what the keys stand for.
    """
    found = Counter[Item]()
    ours = (f".bitewing-incoming-{tiny.job.run_id}", hold.NAME)
    for path in tiny.store.rglob("*"):
        name = path.relative_to(tiny.store).as_posix()
        if incoming or not name.startswith(ours):
            found[_item(path, name)] += 1
    rows_of = _rows(tiny)
    for table, rows in (by_meaning(rows_of) if has_made_keys(tiny) else rows_of).items():
        found.update(("row", table, repr(row)) for row in rows)
    return found


def foreign(tiny: Tiny) -> tuple[tuple[Any, ...], ...]:
    """What the system knows of each file that was there before: identity, times, rights, size."""
    found = []
    for name in (*_FOREIGN_FILES, "link-to-elsewhere"):
        status = (tiny.store / name).lstat()
        found.append((name, status.st_mtime_ns, status.st_mode, status.st_nlink, status.st_size, status.st_uid))
    return tuple(found)


def warm(replace_in: Callable[[dict[str, Any], str, Any], None]) -> None:
    """Profiles are read once for all cells, the same in every copy; forked workers find their workshop loaded."""
    importlib.import_module("engine.target.workshop")
    load = vars(engine.profiles.load)
    for name in ("read_source", "read_target"):
        replace_in(load, name, _remembered(load[name]))


@contextmanager
def memory_folder() -> Iterator[Path]:
    """In memory where there is such a place: what a disk would keep is the power layer's matter, not the disk's."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="bitewing-faults-", dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def _remembered(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    known: dict[str, Any] = {}

    def reading(document: Any) -> Any:
        text = repr(document.root)
        if text not in known:
            known[text] = read(document)
        return known[text]

    return reading


def _occupy(tiny: Tiny) -> None:
    """Files and rows of an earlier life, a link and an empty folder among them."""
    for name, content in _FOREIGN_FILES.items():
        (tiny.store / name).parent.mkdir(parents=True, exist_ok=True)
        (tiny.store / name).write_bytes(content)
        os.utime(tiny.store / name, ns=(1_500_000_000_000_000_007, 1_500_000_000_000_000_007))
    (tiny.store / "Images" / "empty").mkdir()
    (tiny.store / "link-to-elsewhere").symlink_to("desktop.ini")
    engine = sa.create_engine(tiny.target)
    with engine.begin() as connection:
        for statement in _FOREIGN_ROWS:
            connection.exec_driver_sql(statement)
    engine.dispose()


def go_on(practice: TinyPractice) -> None:
    """The practice went on: one patient is renamed, one is gone, one is new, one stays as it is."""
    practice.row("patient", 1)["family_name"] = "Married"
    practice.row("patient", 2)["deleted"] = 1
    new = {"id": 4, "family_name": "New", "practice_pms_id": "000126"}
    practice.rows["patient"].append({**practice.row("patient", 3), **new})
    study = {"id": 41, "patient_id": 4, "study_instance_uid": "1.2.41"}
    practice.rows["study"].append({**practice.row("study", 31), **study})
    series = {"id": 411, "study_id": 41, "series_instance_uid": "1.2.9.411"}
    practice.rows["series"].append({**practice.row("series", 111), **series})
    for key in (8, 9):
        practice.add_image(key, 411, f"1.2.41/{key}.dcm", dicom(key))


def _item(path: Path, name: str) -> Item:
    if path.is_symlink():
        return ("link", name, str(path.readlink()))
    if path.is_dir():
        return ("folder", name)
    return ("file", name, hashlib.sha256(path.read_bytes()).hexdigest())


def _rows(tiny: Tiny) -> dict[str, list[tuple[Any, ...]]]:
    url = sa.engine.make_url(tiny.target)
    if url.get_backend_name() != "sqlite":
        return tiny.target_rows()
    place = Path(str(url.database))
    with TemporaryDirectory(prefix="bitewing-looked-at-") as folder:
        for file in place.parent.glob(f"{place.name}*"):
            shutil.copy(file, Path(folder) / file.name)
        with closing(sqlite3.connect(Path(folder) / place.name)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name.lower(): list(database.execute(f"SELECT * FROM {name}")) for name in tables}


def _items_of(patient: PlannedPatient | None, state: Counter[Item]) -> Counter[Item]:
    """The files and rows of one patient within a state."""
    if patient is None:
        return Counter()
    files = {image.path: image.sha256 for image in patient.images}
    return Counter({item: many for item, many in state.items() if _belongs(item, patient, files)})


def _belongs(item: Item, patient: PlannedPatient, files: Mapping[str, str]) -> bool:
    match item:
        case ("file", name, digest):
            return files.get(name) == digest
        case ("row", table, _) if table in _KEYS:
            return _is_of(patient, item)
    return False


def _is_of(patient: PlannedPatient, item: Item) -> bool:
    entity, position = _KEYS[item[1]]
    key = item[2].strip("()").split(", ")[position].strip("'")
    if key.isdecimal():
        return int(key) in patient.keys.of(entity).values()
    return is_named_after(key, patient.record.patient.chart_number)


def _without_folders(items: Counter[Item]) -> Counter[Item]:
    return Counter({item: many for item, many in items.items() if item[0] != "folder"})


def _database_name(folder: Path) -> str:
    return f"crash_{folder.name.replace('-', '_')}"


def _new_database(server: str, name: str, template: str | None = None) -> str:
    run_sql(server, f"CREATE DATABASE {name}{f' TEMPLATE {template}' if template else ''}")
    return with_database(server, name)


def _require(kept: bool, promise: str) -> None:
    if not kept:
        raise Broken(promise)


def _few(items: Iterable[Item]) -> str:
    listed = sorted(" ".join(item)[:90] for item in items)
    return f"{len(listed)} ({'; '.join(listed[:3])})"
