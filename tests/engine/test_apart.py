"""Nothing that Bitewing writes lies where DEXIS 11 lives, whatever job.toml says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.apart import require_apart
from engine.cli.init import make_ready
from engine.job import Job
from protocol.errors import UsageProblem

GOOD = """\
[source]
profile    = "dexis11"
snapshot   = { kind = "sqlite-file", path = "../practice/backup.sqlite" }
staging    = "sqlite:///staging.sqlite"
production = "sqlite:///../practice/core.sqlite"
store      = ["../practice/data"]

[target]
profile  = "dexis10"
database = "sqlite:///../dexis10/new.sqlite"
store    = "../dexis10/store"
"""


def made(folder: Path, text: str) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.toml").write_text(text)
    make_ready(folder)
    return Job.load(folder)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "practice" / "data" / "deep").mkdir(parents=True)
    return tmp_path


def test_a_job_whose_places_lie_apart_is_let_through(place: Path) -> None:
    require_apart(made(place / "job", GOOD))


WRONG: dict[str, tuple[str, str, str]] = {
    "the store itself as target": ("../dexis10/store", "../practice/data", "target.store lies in"),
    "a folder of the store as target": ("../dexis10/store", "../practice/data/deep", "target.store lies in"),
    "a target around the store": ("../dexis10/store", "../practice", "target.store holds"),
    "staging in the store": (
        "sqlite:///staging.sqlite",
        "sqlite:///../practice/data/s.sqlite",
        "source.staging lies in",
    ),
    "a new database in the store": (
        "../dexis10/new.sqlite",
        "../practice/data/new.sqlite",
        "target.database lies in",
    ),
    "production as target": ("../dexis10/new.sqlite", "../practice/core.sqlite", "same database as source.production"),
    "staging as target": ("../dexis10/new.sqlite", "staging.sqlite", "same database as source.staging"),
}


@pytest.mark.parametrize(("before", "after", "sentence"), WRONG.values(), ids=WRONG)
def test_a_place_that_is_dexis_11s_own_is_refused(place: Path, before: str, after: str, sentence: str) -> None:
    job = made(place / "job", GOOD.replace(before, after))
    with pytest.raises(UsageProblem, match=sentence) as caught:
        require_apart(job)
    assert "nothing was written" in caught.value.next_step


def test_a_job_folder_in_the_store_is_refused(place: Path) -> None:
    with pytest.raises(UsageProblem, match="the job's folder lies in"):
        require_apart(made(place / "practice" / "data" / "job", GOOD.replace("../practice/data", "..")))


def test_a_link_to_the_store_is_the_store(place: Path) -> None:
    (place / "dexis10").symlink_to(place / "practice" / "data")
    with pytest.raises(UsageProblem, match=r"target\.store lies in"):
        require_apart(made(place / "job", GOOD))


@pytest.mark.parametrize("verb", ["stage", "dry-run", "convert"])
def test_no_phase_begins_in_a_store_of_dexis_11(place: Path, verb: str, ended: Callable[..., tuple[int, str]]) -> None:
    made(place / "job", GOOD.replace("../dexis10/store", "../practice/data"))
    code, said = ended("--job", str(place / "job"), verb)
    assert code == 2 and "target.store" in said
    assert [path.name for path in (place / "practice" / "data").iterdir()] == ["deep"]


@pytest.fixture
def ended(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs a command of the engine: its exit code, and what it said on stderr."""
    from engine.cli.main import main

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        return int(left.value.code or 0), capsys.readouterr().err

    return run
