"""The target store: whole files or none, nothing replaced, only our own content removed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.profiles.load import load_target
from engine.target import disk
from engine.target.failures import Failure, Kind
from engine.target.files import PlannedFile, Presence, TargetStore, sha256_of
from engine.target.paths import path_of
from protocol.errors import EnvironmentProblem

DATA = b"an image"


@pytest.fixture
def store(tmp_path: Path) -> TargetStore:
    (tmp_path / "store").mkdir()
    return TargetStore(tmp_path / "store", "run")


def _incoming(store: TargetStore, name: str = "00000001", data: bytes = DATA) -> tuple[Path, PlannedFile]:
    folder = store.open_incoming(1)
    disk.write_durably(folder / name, data)
    return folder, PlannedFile("Images/a/b/x.dex", sha256_of(folder / name))


def test_a_linked_file_stands_whole_at_its_final_path(store: TargetStore) -> None:
    folder, file = _incoming(store)
    assert store.presence(file) is Presence.ABSENT
    store.link(folder, [("00000001", file)])
    assert (store.root / file.path).read_bytes() == DATA
    assert store.presence(file) is Presence.OURS


@pytest.mark.parametrize("kind", ["file", "same file", "folder", "link", "dangling link"])
def test_whatever_stands_at_a_final_path_is_never_replaced(store: TargetStore, kind: str) -> None:
    folder, file = _incoming(store)
    place = store.root / file.path
    place.parent.mkdir(parents=True)
    if kind == "folder":
        place.mkdir()
    elif "link" in kind:
        target = store.root / "elsewhere"
        if kind == "link":
            target.write_bytes(DATA)
        place.symlink_to(target)
    else:
        place.write_bytes(DATA if kind == "same file" else b"theirs")
    assert store.taken([file.path]) == [file.path]
    assert (store.presence(file) is Presence.OURS) is (kind == "same file")
    before = os.lstat(place)
    with pytest.raises(Failure, match="taken") as failed:
        store.link(folder, [("00000001", file)])
    assert os.lstat(place) == before
    assert failed.value.kind is Kind.PERMANENT


def test_only_files_with_our_digest_are_removed(store: TargetStore) -> None:
    folder, file = _incoming(store)
    store.link(folder, [("00000001", file)])
    theirs = PlannedFile("Images/a/b/y.dex", "0" * 64)
    (store.root / theirs.path).write_bytes(b"theirs")
    absent = PlannedFile("Images/q/z.dex", "1" * 64)
    assert store.remove_ours([file, theirs, absent]) == [theirs.path]
    assert not (store.root / file.path).exists()
    assert (store.root / theirs.path).read_bytes() == b"theirs"


def test_an_incoming_folder_begins_empty_and_ends_gone(store: TargetStore) -> None:
    first, _ = _incoming(store)
    second = store.open_incoming(2)
    assert list(second.iterdir()) == []
    assert not first.exists()
    store.close_incoming()
    store.close_incoming()
    assert list(store.root.iterdir()) == []


def test_the_incoming_folder_of_another_run_is_left_alone(store: TargetStore) -> None:
    other = TargetStore(store.root, "another").open_incoming(1)
    store.open_incoming(1)
    store.close_incoming()
    assert other.is_dir()


def test_a_worker_of_a_killed_session_can_leave_nothing_behind(store: TargetStore) -> None:
    first, _ = _incoming(store)
    store.open_incoming(2)
    with pytest.raises(FileNotFoundError):
        disk.write_durably(first / "late", DATA)


def test_a_file_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    disk.write_durably(tmp_path / "x", DATA)
    with pytest.raises(FileExistsError):
        disk.write_durably(tmp_path / "x", b"other")
    assert (tmp_path / "x").read_bytes() == DATA


def test_files_and_folders_are_flushed_to_the_disk(store: TargetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def recorded(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", recorded)
    folder, file = _incoming(store)
    store.link(folder, [("00000001", file)])
    assert synced == ["00000001", "store", "Images", "a", "b"]


def test_on_windows_the_final_name_is_given_by_a_rename_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[tuple[Path, Path]] = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "rename", lambda source, target: renamed.append((source, target)))
    disk.publish(tmp_path / "a", tmp_path / "b")
    disk.sync_folders([tmp_path])
    assert renamed == [(tmp_path / "a", tmp_path / "b")]


def test_paths_are_sharded_by_the_hex_digits_of_the_key() -> None:
    template = load_target("dexis10").files[0].path
    assert path_of(template, 348_565) == "Images/05/01/09/00055195.dex"
    assert path_of(template, 1) == "Images/00/00/00/00000001.dex"


def test_a_store_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="not there"):
        TargetStore(tmp_path / "nowhere", "run").require_present()


@pytest.mark.parametrize(
    ("content", "is_the_same"),
    [
        (b"head" + DATA + b"tail", True),
        (b"head" + DATA + b"tale", False),
        (b"head" + DATA + b"tai", False),
        (b"head" + DATA + b"tails", False),
        (b"Head" + DATA + b"tail", False),
        (b"", False),
    ],
    ids=["whole", "one byte", "cut", "longer", "first byte", "empty"],
)
def test_a_file_read_back_must_hold_every_piece_and_nothing_more(
    tmp_path: Path, content: bytes, is_the_same: bool
) -> None:
    (tmp_path / "x").write_bytes(content)
    assert disk.holds(tmp_path / "x", b"head", memoryview(DATA), b"", b"tail") is is_the_same


def test_a_long_file_is_compared_to_its_last_byte(tmp_path: Path) -> None:
    long = bytes(3 << 18)
    disk.write_durably(tmp_path / "x", long, b"end")
    assert disk.holds(tmp_path / "x", long, b"end")
    assert not disk.holds(tmp_path / "x", long[:-1] + b"\1", b"end")


def test_a_file_cut_short_is_never_completed_by_what_was_read_before(tmp_path: Path) -> None:
    long = bytes(3 << 18)
    disk.write_durably(tmp_path / "x", long[:-1])
    assert not disk.holds(tmp_path / "x", long)
