"""The one place where a command ends: what stdout and stderr say, and the exit code."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import typer

from protocol.errors import BitewingError, EnvironmentProblem, Interrupted, UsageProblem
from protocol.vocabulary import ExitCode

_CTRL_C = 130  # what Typer makes of a Ctrl-C inside a command


def ended(command: Callable[[], object], *, as_json: bool, crash_folder: Path | None = None) -> int:
    """Runs `command` and returns its exit code; every error becomes a sentence, and an object where JSON is asked.

    A defect's traceback may quote data: it goes to crash.txt in `crash_folder`, or nowhere.
    """
    try:
        code = _uninterrupted(command)
    except typer.TyperException as error:
        return _failed(_misspelt(error), as_json)
    except BitewingError as error:
        return _failed(error, as_json)
    except (KeyboardInterrupt, BrokenPipeError, typer.Abort):
        return _failed(Interrupted("stopped", next_step="run the same command again to resume"), as_json)
    except OSError as error:
        return _failed(_system_problem(error, crash_folder), as_json)
    except Exception as error:  # the last resort: a defect of ours, told without anybody's data
        return _failed(_defect(error, crash_folder), as_json)
    return code if isinstance(code, int) else ExitCode.DONE


def _uninterrupted(command: Callable[[], object]) -> object:
    if (code := command()) == _CTRL_C:
        raise KeyboardInterrupt
    return code


def answer(document: dict[str, Any]) -> None:
    """The object, or one line of the stream, of a `--json` command."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Something for people: stdout is theirs when no JSON was asked."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def leave(code: ExitCode) -> NoReturn:
    """Ends the command with this exit code."""
    raise typer.Exit(code)


def leave_with(passed: bool) -> NoReturn:
    """Ends the command: 0 if it passed, 1 if the answer is no."""
    leave(ExitCode.DONE if passed else ExitCode.ANSWER_IS_NO)


def _failed(error: BitewingError, as_json: bool) -> int:
    sys.stderr.write(f"{error}\n")
    if as_json:
        reason = {"reason": reason} if (reason := getattr(error, "reason", None)) else {}
        outcome = error.exit_code.name.lower().replace("_", "-")
        answer({"outcome": outcome, **reason, "error": error.what, "where": error.where, "next": error.next_step})
    return error.exit_code


def _misspelt(error: typer.TyperException) -> UsageProblem:
    """What is wrong with the words. A group without a verb shows its help and has no sentence of its own."""
    return UsageProblem(error.format_message().strip() or "a verb is missing", next_step="see --help")


def _system_problem(error: OSError, folder: Path | None) -> EnvironmentProblem:
    """A disk that is full, a permission that is missing. Only a file of the job's own folder is named."""
    path = Path(error.filename) if isinstance(error.filename, str) else None
    where = path.name if path and folder and path.parent.resolve() == folder.resolve() else ""
    what = f"the system refused: {error.strerror or type(error).__name__}"
    return EnvironmentProblem(what, where=where, next_step="check disk space and permissions, then run it again")


def _defect(error: Exception, folder: Path | None) -> BitewingError:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = f"a defect in Bitewing: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    if folder is None or not _written_down(error, folder / "crash.txt"):
        return BitewingError(what, next_step="run the same command again; if it repeats, report it")
    advice = "run the same command again; if it repeats, see crash.txt in the job folder (it may hold patient data)"
    return BitewingError(what, next_step=advice)


def _written_down(error: Exception, place: Path) -> bool:
    """Whether the traceback stands in the file: the disk may be full, or the folder not there."""
    try:
        place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return False
    return True
