"""The image store: nothing outside it is opened, nothing in it is touched, and every trouble has its code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from engine.source import os_files
from engine.source.names import is_reserved
from engine.source.os_files import printable, system_path
from engine.source.store import SourceStore, StoreProblem
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import FindingCode


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    (store / "1.2").mkdir(parents=True)
    (store / "1.2" / "a.dcm").write_bytes(b"pixels")
    (store / "1.2" / "empty.dcm").write_bytes(b"")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return store


def code_of(store: SourceStore, relative: str) -> FindingCode:
    with pytest.raises(StoreProblem) as problem:
        store.open_read(relative)
    return problem.value.code


def test_a_file_is_read_whole(root: Path) -> None:
    assert SourceStore([root]).open_read("1.2/a.dcm") == b"pixels"


def test_reading_changes_no_time_of_the_file(root: Path) -> None:
    path = root / "1.2" / "a.dcm"
    os.utime(path, ns=(1_000_000_000, 2_000_000_000))  # so old that a reader with "relatime" would touch it
    SourceStore([root]).open_read("1.2/a.dcm")
    list(SourceStore([root]).walk())
    assert (path.stat().st_atime_ns, path.stat().st_mtime_ns) == (1_000_000_000, 2_000_000_000)


def test_where_the_system_denies_keeping_the_access_time_the_file_is_still_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = 1 << 40
    real_open = os.open

    def foreign_owner(path: str, flags: int) -> int:
        if flags & flag:
            raise PermissionError(1, "Operation not permitted")
        return real_open(path, flags)

    monkeypatch.setattr(os_files, "_NO_ATIME", flag)
    monkeypatch.setattr(os, "open", foreign_owner)
    assert SourceStore([root]).open_read("1.2/a.dcm") == b"pixels"


@pytest.mark.parametrize(
    ("relative", "code"),
    {
        "1.2/none.dcm": FindingCode.MISSING_FILE,
        "1.2/empty.dcm": FindingCode.EMPTY_FILE,
        "1.2": FindingCode.UNREADABLE_FILE,  # a folder
        "1.2/a.dcm/below": FindingCode.MISSING_FILE,  # a file is no folder
        "": FindingCode.UNREADABLE_FILE,
        "x" * 300: FindingCode.MISSING_FILE,  # longer than a name can be
    }.items(),
)
def test_each_trouble_has_its_code(root: Path, relative: str, code: FindingCode) -> None:
    assert code_of(SourceStore([root]), relative) is code


@pytest.mark.attack
@pytest.mark.parametrize(
    "relative",
    [
        "../secret.txt",
        "../nothing-is-there.txt",
        "1.2/../../secret.txt",
        "/etc/hostname",
        "..",
        "1.2/..\\..\\secret.txt",
        "C:/Windows/win.ini",
        "a.dcm:stream",
        "1.2/a.dcm\0.png",
        "\udcff.dcm",
    ],
)
def test_a_path_out_of_the_store_is_refused(root: Path, relative: str) -> None:
    assert code_of(SourceStore([root]), relative) is FindingCode.UNREADABLE_FILE


@pytest.mark.attack
def test_a_link_out_of_the_store_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "out.dcm").symlink_to(tmp_path / "secret.txt")
    (root / "outside").symlink_to(tmp_path)
    for relative in ("out.dcm", "outside/secret.txt"):
        assert code_of(SourceStore([root]), relative) is FindingCode.UNREADABLE_FILE


def test_a_link_within_the_store_is_followed(root: Path) -> None:
    (root / "same.dcm").symlink_to(root / "1.2" / "a.dcm")
    assert SourceStore([root]).open_read("same.dcm") == b"pixels"


def test_a_link_to_nothing_is_a_missing_file(root: Path) -> None:
    (root / "gone.dcm").symlink_to(root / "none.dcm")
    assert code_of(SourceStore([root]), "gone.dcm") is FindingCode.MISSING_FILE


@pytest.mark.attack
def test_a_named_pipe_does_not_hold_the_run_up(root: Path) -> None:
    os.mkfifo(root / "pipe.dcm")
    assert code_of(SourceStore([root]), "pipe.dcm") is FindingCode.UNREADABLE_FILE


def test_a_store_of_two_folders_is_one_store(root: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    (second / "b.dcm").write_bytes(b"more")
    store = SourceStore([root, second])
    assert (store.open_read("1.2/a.dcm"), store.open_read("b.dcm")) == (b"pixels", b"more")
    assert [name for name, _, _ in store.walk()] == ["1.2/a.dcm", "1.2/empty.dcm", "b.dcm"]


def test_a_path_that_two_folders_hold_is_not_guessed(root: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    (second / "1.2").mkdir(parents=True)
    (second / "1.2" / "a.dcm").write_bytes(b"other")
    assert code_of(SourceStore([root, second]), "1.2/a.dcm") is FindingCode.UNREADABLE_FILE


def test_exists_tells_without_opening(root: Path) -> None:
    store = SourceStore([root])
    assert (store.exists("1.2/a.dcm"), store.exists("1.2/none.dcm")) == (True, False)


def test_the_walk_lists_names_sizes_and_times_in_order(root: Path) -> None:
    os.utime(root / "1.2" / "a.dcm", ns=(5, 7_000))
    assert next(iter(SourceStore([root]).walk())) == ("1.2/a.dcm", 6, 7_000)


def test_the_walk_lists_links_and_does_not_follow_them(root: Path, tmp_path: Path) -> None:
    (root / "loop").symlink_to(root)
    assert [name for name, _, _ in SourceStore([root]).walk()] == ["1.2/a.dcm", "1.2/empty.dcm", "loop"]


def test_a_name_that_is_not_utf8_can_be_listed_and_printed(root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9.dcm")).write_bytes(b"x")
    names = [name for name, _, _ in SourceStore([root]).walk()]
    assert "caf\\xe9.dcm" in names
    assert all(name.encode() for name in names)


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_store_that_is_not_there_is_said_at_once(tmp_path: Path, kind: str) -> None:
    if kind == "file":
        (tmp_path / "store").write_bytes(b"")
    with pytest.raises(EnvironmentProblem, match="cannot be listed"):
        SourceStore([tmp_path / "store"])


def test_permission_denied_is_an_unreadable_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    assert code_of(SourceStore([root]), "1.2/a.dcm") is FindingCode.UNREADABLE_FILE


def test_a_disk_error_is_an_unreadable_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: str, flags: int) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", broken)
    assert code_of(SourceStore([root]), "1.2/a.dcm") is FindingCode.UNREADABLE_FILE


def test_a_problem_travels_between_processes() -> None:
    problem = pickle.loads(pickle.dumps(StoreProblem(FindingCode.MISSING_FILE, "there is no such file")))  # noqa: S301
    assert (problem.code, problem.detail) == (FindingCode.MISSING_FILE, "there is no such file")


@pytest.mark.parametrize(
    ("path", "on_windows"),
    {
        "D:\\store\\a.dcm": "D:\\store\\a.dcm",
        "D:\\" + "x" * 260: "\\\\?\\D:\\" + "x" * 260,
        "\\\\server\\share\\" + "x" * 260: "\\\\?\\UNC\\server\\share\\" + "x" * 260,
        "\\\\?\\D:\\" + "x" * 260: "\\\\?\\D:\\" + "x" * 260,
    }.items(),
)
def test_long_windows_paths_take_their_long_form(path: str, on_windows: str) -> None:
    assert system_path(Path(path), "win32") == on_windows
    assert system_path(Path(path), "linux") == path


def test_printable_leaves_ordinary_names_alone() -> None:
    assert printable("Ødegård/王.dcm") == "Ødegård/王.dcm"


def detail_of(store: SourceStore, relative: str) -> str:
    with pytest.raises(StoreProblem) as problem:
        store.open_read(relative)
    return problem.value.detail


@pytest.mark.parametrize("relative", ["1.2/A.DCM", "1.2/\N{LATIN SMALL LETTER A}.Dcm"])
def test_a_name_that_differs_in_case_is_not_taken_for_the_file_and_is_told(root: Path, relative: str) -> None:
    if (root / relative).exists():
        pytest.skip("this file system knows no case")
    assert code_of(SourceStore([root]), relative) is FindingCode.MISSING_FILE
    assert "differs in case" in detail_of(SourceStore([root]), relative)


def test_a_name_whose_accents_are_written_otherwise_is_told(root: Path) -> None:
    (root / "\N{LATIN SMALL LETTER A}\N{COMBINING RING ABOVE}.dcm").write_bytes(b"pixels")
    if (root / "å.dcm").exists():
        pytest.skip("this file system writes accents in one way")
    assert "accents" in detail_of(SourceStore([root]), "å.dcm")


def test_a_folder_whose_name_differs_in_case_is_told_too(root: Path) -> None:
    (root / "Sub").mkdir()
    (root / "Sub" / "b.dcm").write_bytes(b"pixels")
    if (root / "SUB").exists():
        pytest.skip("this file system knows no case")
    assert "differs in case" in detail_of(SourceStore([root]), "SUB/B.dcm")


def test_looking_for_similar_names_ends_after_the_first_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[Path] = []
    monkeypatch.setattr("engine.source.store.is_nearly_there", lambda folder, parts: bool(listed.append(folder)))
    store = SourceStore([root])
    for number in range(150):
        assert detail_of(store, f"1.2/{number}.dcm") == "there is no such file"
    assert len(listed) == 100


def test_a_folder_and_a_name_too_long_say_what_they_are(root: Path) -> None:
    assert detail_of(SourceStore([root]), "1.2") == "it is a folder, not a file"
    assert "longer than 255 bytes" in detail_of(SourceStore([root]), "1.2/" + "å" * 128)


def test_a_path_of_more_than_260_characters_is_read(root: Path) -> None:
    deep = "/".join(["folder-of-some-length"] * 20) + "/a.dcm"
    (root / deep).parent.mkdir(parents=True)
    (root / deep).write_bytes(b"deep")
    assert len(deep) > 260
    assert SourceStore([root]).open_read(deep) == b"deep"


@pytest.mark.attack
@pytest.mark.parametrize("name", ["CON", "nul", "com1.dcm", "LPT9", "aux.tar.gz", "PRN ", "a.", "a ", "conin$"])
def test_names_that_windows_keeps_for_itself_are_refused_there(name: str) -> None:
    assert is_reserved(name, "win32")
    assert not is_reserved(name, "linux")


@pytest.mark.parametrize("name", ["con1", "console.dcm", "a.con", "commons", "com10", ".hidden"])
def test_other_names_are_not(name: str) -> None:
    assert not is_reserved(name, "win32")


def test_whether_the_file_system_ignores_case_is_asked_of_the_file_itself(root: Path) -> None:
    store = SourceStore([root])
    if not (root / "1.2" / "A.DCM").exists():
        assert not store.ignores_case("1.2/a.dcm")
        (root / "1.2" / "A.DCM").write_bytes(b"another")
        assert not store.ignores_case("1.2/a.dcm")
        (root / "1.2" / "A.DCM").unlink()
        (root / "1.2" / "A.DCM").hardlink_to(root / "1.2" / "a.dcm")
    assert store.ignores_case("1.2/a.dcm")
    assert not store.ignores_case("1.2/none.dcm")
    assert not store.ignores_case("1.2")
