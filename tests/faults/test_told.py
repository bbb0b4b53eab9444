"""What the command says when the system refuses: which disk, what is wrong in words, what to do next, and exit code 5.

Really full, read-only and missing folders, met by the command as a person starts it at night.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli.init import make_ready
from engine.cli.main import main
from engine.job import Job
from engine.journal import State, recorded
from engine.phases import convert, dry_run, reconcile
from engine.running.control import Uncontrolled
from protocol.errors import Interrupted
from protocol.vocabulary import ExitCode, FindingCode, Gate, Phase
from tests.engine.test_closed_gates import approve
from tests.engine.tiny import Tiny, TinyPractice, run_phase
from tests.faults.practice import converted
from tests.faults.processes import apart
from tests.simulators.own_mounts import make_read_only, mount_small_disk, separate_mounts

pytestmark = pytest.mark.fault

_KIB, _PLENTY = 1024, 64 << 20
_FULL, _READ_ONLY = ": the disk is full", ": the disk is read-only"
_ROOM = "Next: make room on that disk; then run "


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A practice whose dry run is approved."""
    tiny = TinyPractice().build(tmp_path_factory.mktemp("told") / "practice")
    make_ready(tiny.folder)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    approve(tiny, Gate.STAGED)
    approve(tiny, Gate.PROFILE_PROVEN, "ann")
    approve(tiny, Gate.DRY_RUN, "ann", "bob")
    return tiny.folder.parent


def told(tiny: Tiny, verb: str) -> str:
    """The sentences of a command that the environment stops; no traceback, no class of Python's."""
    command = (sys.executable, "-m", "engine.cli.main", "--job", str(tiny.folder), verb)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == ExitCode.ENVIRONMENT, (ended.returncode, ended.stderr)
    assert "Traceback" not in ended.stderr and "Error" not in ended.stderr, ended.stderr
    return ended.stderr


def in_own_mounts(approved: Path, folder: Path, what: Callable[[Tiny], None]) -> None:
    def run() -> None:
        separate_mounts()
        shutil.copytree(approved, folder / "practice", symlinks=True)
        what(Tiny(folder / "practice" / "job"))

    ended = apart(run)
    assert ended.error is None, ended.error


def fill(folder: Path, room: int) -> None:
    """From now on `folder` lies on a disk of its own with `room` bytes left."""
    aside = folder.with_name(f"{folder.name}-aside")
    shutil.copytree(folder, aside, symlinks=True)
    mount_small_disk(folder, _PLENTY)
    shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
    used = sum(file.stat().st_blocks * 512 for file in folder.rglob("*"))
    mount_small_disk(folder, used + room)


@pytest.mark.parametrize("verb", ["dry-run", "convert", "settle"])
@pytest.mark.parametrize("room", [4 * _KIB, 24 * _KIB])
def test_a_full_job_folder_is_named(approved: Path, tmp_path: Path, verb: str, room: int) -> None:
    def run(tiny: Tiny) -> None:
        fill(tiny.folder, room)
        said = told(tiny, verb)
        assert f"job folder {tiny.folder}{_FULL}" in said and _ROOM in said

    in_own_mounts(approved, tmp_path, run)


@pytest.mark.parametrize("verb", ["stage", "dry-run", "convert", "settle"])
def test_a_read_only_job_folder_is_named(approved: Path, tmp_path: Path, verb: str) -> None:
    def run(tiny: Tiny) -> None:
        make_read_only(tiny.folder, True)
        said = told(tiny, verb)
        assert f"job folder {tiny.folder}{_READ_ONLY}" in said and "Next: make it writable" in said

    in_own_mounts(approved, tmp_path, run)


def test_a_full_store_is_named_by_its_folder_and_its_key(approved: Path, tmp_path: Path) -> None:
    def run(tiny: Tiny) -> None:
        fill(tiny.store, 16 * _KIB)
        said = told(tiny, "convert")
        assert f"target's store {tiny.store.resolve()} (target.store in job.toml){_FULL}" in said
        assert f"{_ROOM}convert again; it resumes" in said

    in_own_mounts(approved, tmp_path, run)


def test_a_program_that_listens_hears_that_the_phase_failed(
    approved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(job: Job) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shutil.copytree(approved, tmp_path / "practice", symlinks=True)
    monkeypatch.setattr(convert, "require_fingerprint", full)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(SystemExit) as ended:
        main(["--job", str(tmp_path / "practice" / "job"), "convert", "--events"])
    said = capsys.readouterr()
    assert ended.value.code == ExitCode.ENVIRONMENT and f"job folder {tmp_path / 'practice' / 'job'}{_FULL}" in said.err
    assert [json.loads(line).get("outcome") for line in said.out.splitlines()][-1] == "failed"


@pytest.mark.parametrize("verb", ["stage", "dry-run", "convert", "source-check"])
def test_an_image_store_that_is_away_ends_the_command_and_sets_nobody_aside(
    approved: Path, tmp_path: Path, verb: str
) -> None:
    def run(tiny: Tiny) -> None:
        tiny.source.rename(tiny.source.with_name("unplugged"))
        said = told(tiny, verb)
        assert f"DEXIS 11's image store {tiny.source.resolve()} (source.store in job.toml)" in said
        assert "not there" in said and "Next: connect its disk or network share" in said

    in_own_mounts(approved, tmp_path, run)


def test_a_conversion_that_had_begun_goes_on_only_with_its_image_store(approved: Path, tmp_path: Path) -> None:
    def run(tiny: Tiny) -> None:
        with pytest.raises(Interrupted):
            run_phase(convert.run, Phase.CONVERT, tiny, control=_StopsAtTheSecond())
        tiny.source.rename(tiny.source.with_name("unplugged"))
        said = told(tiny, "convert")
        assert f"DEXIS 11's image store {tiny.source.resolve()} (source.store in job.toml)" in said
        assert set(recorded(tiny.job.journal_path).states.values()) == {State.DONE}

    in_own_mounts(approved, tmp_path, run)


class _StopsAtTheSecond(Uncontrolled):
    """Stops the conversion once a patient is done."""

    patients = 0

    def checkpoint(self) -> None:
        self.patients += 1
        if self.patients == 2:
            raise Interrupted("stopped")


def test_an_empty_folder_where_the_image_store_was_mounted_ends_the_conversion(approved: Path, tmp_path: Path) -> None:
    def run(tiny: Tiny) -> None:
        tiny.source.rename(tiny.source.with_name("unplugged"))
        tiny.source.mkdir()
        said = told(tiny, "convert")
        assert "DEXIS 11's image store (source.store in job.toml): the folder or network share cannot" in said
        assert not tiny.store_content()

    in_own_mounts(approved, tmp_path, run)


def test_no_room_for_staging_is_said_so(tmp_path: Path) -> None:
    tiny = TinyPractice().build(tmp_path / "practice")
    make_ready(tiny.folder)
    shutil.copyfile(tiny.folder.parent / "staging.sqlite", tiny.folder.parent / "backup.sqlite")
    settings = tiny.folder / "job.toml"
    settings.write_text(settings.read_text("utf-8").replace("../staging.sqlite", "../small/staging.sqlite"), "utf-8")

    def run() -> None:
        separate_mounts()
        (tmp_path / "practice" / "small").mkdir()
        mount_small_disk(tmp_path / "practice" / "small", 8 * _KIB)
        said = told(tiny, "stage")
        assert "(source.staging in job.toml): the copy of the backup cannot be written: the disk is full" in said
        assert f"{_ROOM}stage again" in said

    ended = apart(run)
    assert ended.error is None, ended.error


def test_a_target_file_that_cannot_be_read_is_not_called_missing(tmp_path: Path) -> None:
    tiny = TinyPractice().build(tmp_path / "practice")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert converted(tiny)
    closed = next(path for path in sorted(tiny.store.rglob("*.dex")))

    def run() -> list[str]:
        as_nobody(tmp_path)
        closed.chmod(0)
        _, found = run_phase(reconcile.run, Phase.RECONCILE, tiny)
        return [f.detail or "" for f in found.findings if f.code is FindingCode.FILE_MISSING]

    ended = apart(run)
    assert ended.error is None, ended.error
    assert ["is there, and cannot be read: access is denied" in detail for detail in ended.result] == [True]


def as_nobody(folder: Path) -> None:
    """Root may read anything, so whoever looks is not root from now on."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.lchown(path, 65534, 65534)
        for above in folder.parents:
            if above.stat().st_uid == 0 and str(above).startswith("/tmp/"):
                above.chmod(above.stat().st_mode | 0o011)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
