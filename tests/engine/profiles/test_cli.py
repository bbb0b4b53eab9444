"""profile check, show, fingerprint: exit codes, one JSON object, and what a person reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import mssql
from sqlalchemy.types import NullType, TypeEngine

from engine.cli.main import main
from engine.profiles import load as loader
from engine.profiles.load import load_source
from engine.source.live_types import kind_of
from tests.engine.profiles.quillmark import PROFILE as QUILLMARK
from tests.engine.source.practice import ROWS, fill_postgresql, fill_sqlite


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


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'EventDateTime = "image.acquired_at"',
            'EventDateTime = "study.started_at"',
            "acquired_at is filled by two expressions",
        ),
        (
            'UID = "image.uid"',
            'UID = "concat(image.uid, teeth(image.teeth))"',
            "Image.UID: reconcile cannot work out teeth()",
        ),
        (
            'type = "uint32", is = "key(image)"',
            'type = "uint32", is = "key(image) + key(study)"',
            "native field visual_id: reconcile cannot check",
        ),
        ("i.UID AS uid, ", "", "uid"),
    ],
)
def test_check_says_long_before_the_night_what_reconcile_could_not_check(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, problem: str
) -> None:
    text = (Path(loader.__file__).parent / "dexis10.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "x.toml").write_text(text.replace(old, new), encoding="utf-8")
    code, out, err = run(capsys, "profile", "check", str(tmp_path / "x.toml"))
    assert (code, out) == (2, "")
    assert problem in err and "Next: " in err


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


KINDS = {
    'media      = ["id", "series_id", "type", "sop_instance_uid", "file_name", "category", "acquisition_date_time",'
    ' "instance_number", "rotation", "mirrored", "teeth", "deleted"]': (
        'media = { id = "integer", series_id = "text", type = "text", sop_instance_uid = "text", file_name = "text",'
        ' category = "text", acquisition_date_time = "moment", instance_number = "integer", rotation = "integer",'
        ' mirrored = "truth", teeth = "text", deleted = "integer" }'
    )
}


def profile_with_kinds(folder: Path) -> Path:
    text = (Path(loader.__file__).parent / "dexis11.toml").read_text(encoding="utf-8")
    for old, new in KINDS.items():
        assert old in text, "no longer in the bundled profile"
        text = text.replace(old, new)
    (folder / "kinds.toml").write_text(text, encoding="utf-8")
    return folder / "kinds.toml"


def test_fingerprint_compares_the_kinds_of_columns_where_the_profile_states_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, new_database: Callable[[], str]
) -> None:
    profile = str(profile_with_kinds(tmp_path))
    wrong = [
        "column media.series_id is integer, the profile says text",
        "column media.mirrored is integer, the profile says truth",
    ]
    postgresql = fill_postgresql(new_database())
    assert as_json(capsys, "profile", "fingerprint", profile, "--database", postgresql)[1]["differences"] == wrong
    sqlite = fill_sqlite(tmp_path / "core.db")  # its moments are texts
    also = "column media.acquisition_date_time is text, the profile says moment"
    found = as_json(capsys, "profile", "fingerprint", profile, "--database", sqlite)
    assert (found[0], sorted(found[1]["differences"])) == (1, sorted([*wrong, also]))


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (mssql.UNIQUEIDENTIFIER(), "uuid"),
        (mssql.NVARCHAR(64), "text"),
        (mssql.VARCHAR(64), "text"),
        (mssql.DATETIME2(3), "moment"),
        (mssql.SMALLDATETIME(), "moment"),
        (mssql.DATE(), "day"),
        (mssql.TIME(), "time"),
        (mssql.BIT(), "truth"),
        (mssql.TINYINT(), "integer"),
        (mssql.BIGINT(), "integer"),
        (mssql.DECIMAL(10, 2), "number"),
        (mssql.VARBINARY(16), "bytes"),
        (mssql.IMAGE(), "bytes"),
        (mssql.XML(), "text"),
        (mssql.SQL_VARIANT(), "other"),
        (NullType(), None),
    ],
    ids=str,
)
def test_the_types_of_sql_server_have_their_kinds(column: TypeEngine[Any], kind: str | None) -> None:
    assert kind_of(column) == kind


def test_show_tells_of_every_ability(capsys: pytest.CaptureFixture[str]) -> None:
    _, source = as_json(capsys, "profile", "show", str(QUILLMARK))
    assert source["form of started_at"] == "epoch-milliseconds"
    assert source["time zone"] == "Europe/Oslo"
    assert source["codes of sex"] == "1 = male, 2 = female, 9 = other"
    _, target = as_json(capsys, "profile", "show", "dexis10")
    assert target["Patient.ExternalID holds"] == "16 bytes of cp1252"
    assert target["Series.Name"] == "default(series.name, 'Default Series')"
    assert target["Image.AcquiredDate keeps"] == "seconds, cut; 1753-01-01 to 9999-12-31"
    assert target["longest path"] == "28 characters below the store"
