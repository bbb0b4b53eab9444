"""How a command ends: one sentence, one object, one exit code, whatever went wrong, and nobody's data."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from commandline.outcome import ended
from protocol.errors import UsageProblem
from protocol.vocabulary import ExitCode

SECRET = "Smith^Ann"


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


def test_a_full_disk_is_the_environments_problem_and_names_the_jobs_own_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "findings.jsonl"))
    assert ended(raising(full), as_json=True, crash_folder=tmp_path) == ExitCode.ENVIRONMENT
    document = json.loads(capsys.readouterr().out)
    assert (document["where"], document["outcome"]) == ("findings.jsonl", "environment")
    assert "No space left" in document["error"] and document["next"]


def test_a_file_elsewhere_is_not_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    gone = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "store" / f"{SECRET}.dcm"))
    assert ended(raising(gone), as_json=True, crash_folder=tmp_path) == ExitCode.ENVIRONMENT
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err


def test_a_defect_tells_nobodys_data_but_in_the_job_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert ended(raising(KeyError(SECRET)), as_json=True, crash_folder=tmp_path) == ExitCode.ENVIRONMENT
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err and "crash.txt" in said.err
    assert SECRET in (tmp_path / "crash.txt").read_text()


def test_a_defect_whose_details_cannot_be_written_is_told_all_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "crash.txt").mkdir()
    assert ended(raising(KeyError(SECRET)), as_json=True, crash_folder=tmp_path) == ExitCode.ENVIRONMENT
    said = capsys.readouterr().err
    assert "a defect in Bitewing" in said and "report it" in said and "crash.txt" not in said


def test_ctrl_c_says_that_the_same_command_resumes(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(raising(KeyboardInterrupt()), as_json=False) == ExitCode.INTERRUPTED
    assert "run the same command again" in capsys.readouterr().err


def test_ctrl_c_inside_a_command_ends_as_the_contract_says(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def go() -> None:
        raise KeyboardInterrupt

    assert ended(lambda: app([], standalone_mode=False), as_json=True) == ExitCode.INTERRUPTED
    assert json.loads(capsys.readouterr().out)["outcome"] == "interrupted"


@pytest.mark.parametrize(
    ("words", "sentence"), [([], "Missing command"), (["wait"], "No such command"), (["go"], "Missing argument")]
)
def test_a_misspelt_command_is_one_sentence_and_one_object(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    app = typer.Typer()

    @app.callback()
    def shared() -> None: ...

    @app.command()
    def go(where: str) -> None: ...

    assert ended(lambda: app(words, standalone_mode=False), as_json=True) == ExitCode.USAGE
    said = capsys.readouterr()
    assert sentence in json.loads(said.out)["error"] and sentence in said.err


def test_a_sentence_says_what_where_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(raising(UsageProblem("no", where="job.toml", next_step="mend it")), as_json=False) == ExitCode.USAGE
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "job.toml: no\nNext: mend it\n")
