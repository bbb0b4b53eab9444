"""profile check, show, fingerprint: exit codes, one JSON object, and what a person reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.profiles.load import load_source
from tests.engine.source.practice import ROWS, fill_sqlite


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code, out, _ = run(capsys, *words, "--json")
    return code, json.loads(out)


def test_check_says_what_a_profile_is_and_never_that_it_is_proven(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "profile", "check", "dexis10") == (0, "", "dexis10 is a valid target profile, modelled.\n")


def test_check_of_a_wrong_profile_points_at_its_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('[profile]\nid = "x"\nrole = "sauce"\n')
    code, out, err = run(capsys, "profile", "check", str(tmp_path / "x.toml"))
    assert (code, out) == (2, "")
    assert f"{tmp_path}/x.toml:1: profile.system is missing" in err


def test_check_gives_the_digest_that_evidence_names(capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = as_json(capsys, "profile", "check", "dexis11")
    assert (code, answer["digest"]) == (0, load_source("dexis11").digest)


@pytest.mark.parametrize("profile", ["dexis10", "dexis11"])
def test_show_tells_a_person_and_a_program_the_same(capsys: pytest.CaptureFixture[str], profile: str) -> None:
    _, text, _ = run(capsys, "profile", "show", profile)
    code, answer = as_json(capsys, "profile", "show", profile)
    assert code == 0
    for key, value in answer.items():
        assert f"{key} " in text
        assert str(value) in text


def test_fingerprint_of_a_database_that_fits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    url = fill_sqlite(tmp_path / "core.db")
    code, _, err = run(capsys, "profile", "fingerprint", "dexis11", "--database", url)
    assert (code, err) == (0, "All 40 columns that dexis11 relies on are there.\n")


def test_fingerprint_says_exactly_what_differs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import sqlite3

    url = fill_sqlite(tmp_path / "core.db", ROWS)
    connection = sqlite3.connect(tmp_path / "core.db")
    connection.executescript("ALTER TABLE media RENAME COLUMN teeth TO tooth; DROP TABLE annotation")
    connection.close()
    code, answer = as_json(capsys, "profile", "fingerprint", "dexis11", "--database", url)
    assert code == 1
    assert answer["differences"] == [
        "table annotation is missing",
        "column media.teeth is missing (did you mean tooth?)",
    ]


def test_fingerprint_of_a_database_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "profile", "fingerprint", "dexis11", "--database", f"sqlite:///{tmp_path}/none.db")
    assert code == 5
    assert "no such database file" in err


@pytest.mark.parametrize("url", ["core.db", "mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_fingerprint_of_no_database_url_is_a_usage_problem(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert run(capsys, "profile", "fingerprint", "dexis11", "--database", url)[0] == 2
