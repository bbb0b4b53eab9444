"""Faults that the system itself makes: a disk that is full, a store that is read-only, forbidden or gone.

No error is raised by hand: small disks are mounted, rights are taken away. Then it is put right and run again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.failpoints import arm
from engine.phases import dry_run
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import Phase
from tests.engine.tiny import Tiny, TinyPractice, run_phase
from tests.faults.practice import Practice, converted, foreign
from tests.faults.processes import apart
from tests.simulators.own_mounts import make_read_only, mount_small_disk, separate_mounts

pytestmark = pytest.mark.fault

_NOBODY = 65534
_KIB, _PLENTY = 1024, 64 << 20


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    return Practice.build(tmp_path_factory.mktemp("real") / "practice")


def _stops(tiny: Tiny) -> str:
    """How a run ends that the environment stops."""
    with pytest.raises(EnvironmentProblem) as stopped:
        converted(tiny)
    return str(stopped.value)


def _whole_again(practice: Practice, tiny: Tiny, repair: Callable[[], None]) -> None:
    practice.require_possible(tiny, lost=False)
    practice.require_whole(tiny)
    repair()
    assert converted(tiny)
    practice.require_end(tiny)


def _in_its_own_mounts(tmp_path: Path, practice: Practice, what: Callable[[Practice, Path], None]) -> None:
    def run() -> None:
        separate_mounts()
        what(practice, tmp_path)

    assert apart(run).error is None


def _on_a_small_disk(folder: Path, practice: Practice, size: int, part: str) -> Tiny:
    """A copy of the practice, of which `part` lies on a disk of `size` bytes."""
    place = folder / "practice" / part
    shutil.copytree(practice.folder, folder / "practice", symlinks=True)
    shutil.copytree(place, folder / "aside", symlinks=True)
    mount_small_disk(place, _PLENTY)
    shutil.copytree(folder / "aside", place, symlinks=True, dirs_exist_ok=True)
    mount_small_disk(place, size)
    return Tiny(folder / "practice" / "job")


@pytest.mark.parametrize("size", [40, 80, 120])
def test_a_full_disk_stops_the_run_whole_and_with_room_it_goes_on(
    tmp_path: Path, practice: Practice, size: int
) -> None:
    def fill(practice: Practice, folder: Path) -> None:
        tiny = _on_a_small_disk(folder, practice, size * _KIB, "target")
        told = _stops(tiny)
        assert told.startswith(f"target's store {tiny.store.resolve()} (target.store in job.toml): the disk is full")
        assert told.endswith("Next: make room on that disk; then run convert again; it resumes")
        _whole_again(practice, tiny, lambda: mount_small_disk(tiny.store, _PLENTY))

    _in_its_own_mounts(tmp_path, practice, fill)


@pytest.mark.parametrize("room", [0, 16, 64, 128, 200])
def test_the_disk_of_journal_and_rows_may_be_full_too(tmp_path: Path, practice: Practice, room: int) -> None:
    def fill(practice: Practice, folder: Path) -> None:
        tiny = _on_a_small_disk(folder, practice, _PLENTY, ".")
        used = sum(file.stat().st_blocks * 512 for file in tiny.folder.parent.rglob("*"))
        mount_small_disk(tiny.folder.parent, used + room * _KIB)
        told = _stops(tiny)
        assert told.startswith(
            ("target's store ", "target database ", "journal.sqlite in the job folder ", "job folder")
        )
        assert ": the disk is full" in told and "Next: make room on that disk; then run" in told
        practice.require_possible(tiny, lost=False)
        mount_small_disk(tiny.folder.parent, _PLENTY)
        assert converted(tiny)
        practice.require_end(tiny)

    _in_its_own_mounts(tmp_path, practice, fill)


@pytest.mark.parametrize("step", ["after-intent", "after-prepare", "after-insert", "after-link"])
def test_a_store_that_turns_read_only_stops_the_run_and_writable_again_it_goes_on(
    tmp_path: Path, practice: Practice, step: str
) -> None:
    def turn(practice: Practice, folder: Path) -> None:
        tiny = _on_a_small_disk(folder, practice, _PLENTY, "target")
        turned: list[str] = []

        def act(name: str) -> None:
            if name == step and not turned:
                turned.append(name)
                make_read_only(tiny.store, True)

        arm(act)
        assert (told := _stops(tiny)).startswith("target's store ") and "the disk is read-only" in told
        practice.require_possible(tiny, lost=False)
        make_read_only(tiny.store, False)
        assert converted(tiny)
        practice.require_end(tiny)

    _in_its_own_mounts(tmp_path, practice, turn)


@pytest.mark.parametrize("forbidden", [".", "Images/00", "Images/00/00/0f"])
def test_a_folder_that_nobody_may_write_stops_the_run_and_permitted_it_goes_on(
    tmp_path: Path, practice: Practice, forbidden: str
) -> None:
    """Root may write anywhere, so whoever converts here is not root."""
    tiny = practice.copy(tmp_path / "practice")
    (tiny.store / forbidden).chmod(0o555)
    _give_to_nobody(tmp_path)
    stopped = apart(lambda: _as_nobody(tiny))
    assert stopped.error is None, stopped.error
    assert stopped.result.startswith("target's store ") and "access is denied" in stopped.result
    theirs = replace(practice, foreign=foreign(tiny))
    _whole_again(theirs, tiny, lambda: (tiny.store / forbidden).chmod(0o755))


def _give_to_nobody(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.lchown(path, _NOBODY, _NOBODY)
        for above in folder.parents:
            if above.stat().st_uid == 0 and str(above).startswith("/tmp/"):
                above.chmod(above.stat().st_mode | 0o011)


def _as_nobody(tiny: Tiny) -> str:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    return _stops(tiny)


def test_a_store_that_vanishes_stops_the_run(tmp_path: Path) -> None:
    tiny = TinyPractice().build(tmp_path / "practice")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    tiny.store.rename(tmp_path / "unplugged")
    assert "is not there" in _stops(tiny)
    (tmp_path / "unplugged").rename(tiny.store)
    assert converted(tiny)
