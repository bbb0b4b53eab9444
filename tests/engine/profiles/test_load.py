"""Profiles load strictly: whatever is wrong is named with file and line, what is allowed, and the nearest name."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine import orientation
from engine.model import Category, Sex
from engine.profiles import load as loader
from engine.profiles import schema
from engine.profiles.examples import SOURCE as SOURCE_EXAMPLES
from engine.profiles.examples import TARGET as TARGET_EXAMPLES
from engine.profiles.load import load, load_source, load_target, read_document
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.teeth import NOTATIONS
from engine.toml.document import Document
from protocol.errors import UsageProblem
from protocol.vocabulary import SkipReason
from tests.engine.profiles.errors import SOURCE_ERRORS, TARGET_ERRORS, Error

FOLDER = Path(loader.__file__).parent
SOURCE = (FOLDER / "dexis11.toml").read_text(encoding="utf-8")
TARGET = (FOLDER / "dexis10.toml").read_text(encoding="utf-8")


def test_the_bundled_profiles_load_by_id() -> None:
    assert (load_source("dexis11").id, load_target("dexis10").id) == ("dexis11", "dexis10")
    assert isinstance(load("dexis11"), SourceProfile)
    assert isinstance(load("dexis10"), TargetProfile)


def test_a_profile_loads_by_path_and_its_digest_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(TARGET, encoding="utf-8")
    profile = load_target(tmp_path / "ours.toml")
    assert profile.digest == hashlib.sha256((tmp_path / "ours.toml").read_bytes()).hexdigest()
    assert profile == load_target("dexis10")


def test_the_native_header_is_as_long_as_it_says() -> None:
    native = load_target("dexis10").native
    assert native.header_size == 256
    assert native.header[0].value == b"DEX1"
    assert native.header[-1].value == bytes(56)
    assert native.trailer_size == 4


def test_every_query_has_a_text_for_each_dialect() -> None:
    for profile in (load_source("dexis11"), load_target("dexis10")):
        assert set(profile.database.version.sql) == set(profile.database.dialects)


def test_a_query_may_differ_between_dialects(tmp_path: Path) -> None:
    text = SOURCE.replace(
        "version  = \"SELECT value AS version FROM core_info WHERE name = 'version'\"",
        "version = { any = \"SELECT value AS version FROM core_info WHERE name = 'version'\", "
        'mssql = "SELECT TOP 1 value AS version FROM core_info" }',
    )
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    version = load_source(tmp_path / "x.toml").database.version
    assert version.for_dialect("mssql") == "SELECT TOP 1 [value] AS [version] FROM [core_info]"
    assert version.for_dialect("sqlite") == "SELECT value AS version FROM core_info WHERE name = 'version'"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (set(schema.CODE_LISTS["category"]), set(Category)),
        (set(schema.CODE_LISTS["sex"]), set(Sex)),
        (set(schema.TEETH_NOTATIONS), set(NOTATIONS)),
        (set(schema.ORIENTATION_UNITS), set(orientation.UNITS)),
        (set(schema.MIRRORS), set(orientation.MIRRORS)),
        (set(schema.ORIENTATION_ORDERS), set(orientation.ORDERS)),
        ({reason.value for reason in load_source("dexis11").audit.excluded["images"]}, set(SkipReason)),
    ],
)
def test_words_written_twice_are_the_same_words(ours: set[str], theirs: set[str]) -> None:
    assert ours == theirs


def check(tmp_path: Path, text: str, case: Error, read: Callable[[Path], Any]) -> None:
    old, new, message, pointed = case
    assert old in text, "the case no longer fits the bundled profile"
    path = tmp_path / "profile.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageProblem, match=message) as problem:
        read(path)
    name, _, line = problem.value.where.rpartition(":")
    assert name == str(path)
    assert pointed in path.read_text(encoding="utf-8").splitlines()[int(line) - 1]
    if not problem.value.what.startswith("is not TOML"):
        assert problem.value.next_step, "what should be written instead?"


@pytest.mark.parametrize("case", SOURCE_ERRORS.values(), ids=SOURCE_ERRORS.keys())
def test_an_error_in_a_source_profile_is_named_at_its_line(tmp_path: Path, case: Error) -> None:
    check(tmp_path, SOURCE, case, load_source)


@pytest.mark.parametrize("case", TARGET_ERRORS.values(), ids=TARGET_ERRORS.keys())
def test_an_error_in_a_target_profile_is_named_at_its_line(tmp_path: Path, case: Error) -> None:
    check(tmp_path, TARGET, case, load_target)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"\[profile\] is missing"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x = 1\n", r"\[profile\] is missing"),
        (b"profile = 1\n", "profile must be a table"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "is not TOML|nested"),
        (b"#" * 250_001, "is larger than"),
    ],
    ids=["empty", "not-utf8", "another-file", "no-table", "deep", "huge"],
)
def test_a_file_that_is_no_profile_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "profile.toml").write_bytes(content)
    with pytest.raises(UsageProblem, match=message):
        load_source(tmp_path / "profile.toml")


@pytest.mark.parametrize("reference", ["dexis12", "dexis", "", "../engine/profiles/none.toml", "/", "folder/"])
def test_a_profile_that_is_not_there_is_said(reference: str) -> None:
    with pytest.raises(UsageProblem):
        load_source(reference)


def test_an_unknown_id_gets_the_nearest_one() -> None:
    with pytest.raises(UsageProblem, match=r"did you mean dexis11\?"):
        load_source("dexis-11")


@pytest.mark.parametrize("text", [SOURCE, TARGET], ids=["source", "target"])
def test_every_key_of_a_profile_is_found_at_its_own_line(text: str) -> None:
    document, lines = Document.parse("x", text.encode()), text.splitlines()

    def walk(value: Any, path: tuple[str | int, ...]) -> None:
        if path and isinstance(path[-1], str):
            assert path[-1] in lines[document.lines[path] - 1]
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, entry in entries:
            walk(entry, (*path, key))

    walk(document.root, ())


def _keys(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path of names in a TOML document."""
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        below = (*path, key) if isinstance(key, str) else path
        yield below
        yield from _keys(entry, below)


@pytest.mark.parametrize("reference", ["dexis11", "dexis10"])
def test_every_key_of_a_profile_has_a_correct_line_to_show(reference: str) -> None:
    document = read_document(reference)
    for path in _keys(document.root):
        if path[0] != "native" or len(path) < 3:
            assert document.example(path), path


@pytest.mark.parametrize("examples", [SOURCE_EXAMPLES, TARGET_EXAMPLES], ids=["source", "target"])
def test_a_line_that_is_shown_is_itself_correct(examples: Mapping[str, str]) -> None:
    for key, line in examples.items():
        name = key.rpartition(".")[2]
        if line.startswith(f"{name} = ") and line[-1] in '"}]' and ", or" not in line and "..." not in line:
            assert name in tomllib.loads(line), line


def test_windows_line_ends_do_not_move_the_lines(tmp_path: Path) -> None:
    text = SOURCE.replace("notation  =", "notatoin =").replace("\n", "\r\n")
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    with pytest.raises(UsageProblem) as problem:
        load_source(tmp_path / "x.toml")
    line = int(problem.value.where.rpartition(":")[2])
    assert "notatoin" in text.splitlines()[line - 1]
