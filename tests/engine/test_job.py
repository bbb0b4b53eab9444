"""job.toml: strict, and every error says where and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import identity
from engine.cli.init import make_ready
from engine.compose import open_ledger
from engine.job import Job
from engine.settings import SnapshotKind
from protocol.errors import Refused, UsageProblem
from protocol.keyset import public_hex
from protocol.vocabulary import Refusal

GOOD = """\
[source]
profile  = "dexis11"
snapshot = { kind = "sqlite-file", path = "backup/core.sqlite" }
staging  = "sqlite:///staging.sqlite"
store    = ["data"]

[target]
profile  = "mine.toml"
database = "sqlite:////srv/dexis.sqlite"
store    = "target"

[run]
workers  = 2
deadline = "07:30"
"""


def load(folder: Path, text: str) -> Job:
    (folder / "job.toml").write_text(text)
    make_ready(folder)
    return Job.load(folder)


def test_relative_paths_are_relative_to_the_job(tmp_path: Path) -> None:
    job = load(tmp_path, GOOD)
    assert job.source.snapshot.kind is SnapshotKind.SQLITE_FILE
    assert job.source.snapshot.path == tmp_path / "backup/core.sqlite"
    assert job.source.staging == f"sqlite:///{tmp_path}/staging.sqlite"
    assert job.source.store == (tmp_path / "data",)
    assert job.target.database == "sqlite:////srv/dexis.sqlite"
    assert job.target.profile == str(tmp_path / "mine.toml")
    assert job.source.profile == "dexis11"


def test_a_job_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    make_ready(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_initialising_again_keeps_the_run_and_its_key(tmp_path: Path) -> None:
    first = load(tmp_path, GOOD)
    key = first.identity_path.read_bytes()
    make_ready(tmp_path)
    assert Job.load(tmp_path).run_id == first.run_id
    assert first.identity_path.read_bytes() == key
    assert first.identity_path.stat().st_mode & 0o077 == 0


WRONG = {
    "misspelt key": ("store    = [", "stores   = [", "job.toml:5", "did you mean store?"),
    "misspelt section": ("[target]", "[targt]", "job.toml:7", "did you mean target?"),
    "missing key": ('profile  = "dexis11"\n', "", "job.toml:1", "source.profile is missing"),
    "wrong type": ("workers  = 2", 'workers  = "two"', "job.toml:13", "must be an integer"),
    "out of range": ("workers  = 2", "workers  = -2", "job.toml:13", "allowed: 0 to 256"),
    "unknown snapshot kind": (
        '"sqlite-file"',
        '"zip"',
        "job.toml:3",
        "allowed: sqlite-file, postgresql-dump, mssql-backup",
    ),
    "a begin without an end": ('deadline = "07:30"', 'begin = "19:00"', "job.toml:14", "needs run.deadline"),
    "a begin that is the end": (
        'deadline = "07:30"',
        'deadline = "07:30"\nbegin = "07:30"',
        "job.toml:15",
        "same time",
    ),
    "a pace that is none": ("workers  = 2", "pace = 5", "job.toml:13", "allowed: 10 to 100"),
    "an unknown priority": ("workers  = 2", 'priority = "high"', "job.toml:13", "allowed: normal, low"),
    "not a time": ('"07:30"', '"7 am"', "job.toml:14", "07:30"),
    "not a database": ('"sqlite:///staging.sqlite"', '"staging.sqlite"', "job.toml:4", "sqlite:///PATH"),
    "an unknown database": ('"sqlite:///staging.sqlite"', '"oracle://x/y"', "job.toml:4", "postgresql+psycopg"),
    "not TOML": ("[source]", "[source", "job.toml:1", "is not TOML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_job_file_is_explained(tmp_path: Path, name: str) -> None:
    before, after, place, advice = WRONG[name]
    assert before in GOOD
    with pytest.raises(UsageProblem) as caught:
        load(tmp_path, GOOD.replace(before, after, 1))
    assert caught.value.where.endswith(place)
    assert advice in str(caught.value)


SECRETS = {
    "PostgreSQL, before the host": ("postgresql+psycopg://u:rapunzel@db/staging", ".pgpass"),
    "PostgreSQL, odd letters": ("postgresql+psycopg://u:rapun/zel?@db/staging", ".pgpass"),
    "PostgreSQL, an option": ("postgresql+psycopg://u@db/staging?sslmode=require&password=rapunzel", "PGPASSWORD"),
    "PostgreSQL, of the key": ("postgresql+psycopg://u@db/staging?sslpassword=rapunzel", "PGPASSWORD"),
    "SQL Server, before the host": ("mssql+pyodbc://sa:rapunzel@db/DEXIS?Encrypt=yes", "SQLCMDPASSWORD"),
    "SQL Server, an option": ("mssql+pyodbc://@db/DEXIS?PWD=rapunzel", "Windows integrated authentication"),
    "SQL Server, spelt by percent": ("mssql+pyodbc://@db/DEXIS?%50wd=rapunzel", "SQLCMDPASSWORD"),
    "SQL Server, a whole string": ("mssql+pyodbc:///?odbc_connect=SERVER%3Dx%3BPWD%3Drapunzel", "SQLCMDPASSWORD"),
    "SQLite": ("sqlite://u:rapunzel@/x.sqlite", "no password"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_password_in_job_toml_is_refused_and_not_repeated(tmp_path: Path, name: str) -> None:
    url, advice = SECRETS[name]
    with pytest.raises(UsageProblem, match=r"source\.staging holds a password") as caught:
        load(tmp_path, GOOD.replace("sqlite:///staging.sqlite", url))
    assert caught.value.where.endswith("job.toml:4") and advice in caught.value.next_step
    assert "rapun" not in str(caught.value)


def test_a_user_a_port_an_instance_and_an_empty_password_are_no_secret(tmp_path: Path) -> None:
    urls = ("postgresql+psycopg://u@db:5433/staging?sslmode=require", "mssql+pyodbc://@.\\\\DEXIS_DATA/DEXIS")
    for url in (*urls, "postgresql+psycopg://u:@db/staging"):
        assert load(tmp_path, GOOD.replace("sqlite:///staging.sqlite", url)).source.staging.startswith(url[:12])


def test_a_run_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    (tmp_path / "run.json").unlink()
    (tmp_path / "run.json").mkdir()
    with pytest.raises(UsageProblem) as caught:
        Job.load(tmp_path)
    assert caught.value.where == str(tmp_path / "run.json") and caught.value.next_step


def test_a_ledger_of_another_job_is_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    ours, _ = (load(tmp_path / name, GOOD) for name in ("one", "other"))
    ours.ledger_path.write_bytes((tmp_path / "other" / "ledger.jsonl").read_bytes())
    with pytest.raises(Refused, match="another run") as caught:
        open_ledger(ours)
    assert caught.value.reason is Refusal.WRONG_RUN


def test_only_the_key_that_a_run_began_with_signs_for_it(tmp_path: Path) -> None:
    job = load(tmp_path, GOOD)
    ledger = open_ledger(job)
    ledger.require_key(public_hex(identity.load(job.identity_path)))
    with pytest.raises(Refused, match="not the key") as caught:
        ledger.require_key("0" * 64)
    assert caught.value.reason is Refusal.SIGNATURE_INVALID


def test_a_job_that_was_not_initialised_says_so(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(GOOD)
    with pytest.raises(UsageProblem, match="not been initialised"):
        Job.load(tmp_path)
