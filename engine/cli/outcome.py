"""The one place where the engine's commands end: what stdout and stderr say, and the exit code."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from protocol.errors import BitewingError, Interrupted, Refused
from protocol.vocabulary import ExitCode


def ended(command: Callable[[], None], *, as_json: bool, crash_folder: Path | None) -> int:
    """Runs `command` and returns its exit code; every error becomes a sentence, and an object where JSON is asked."""
    try:
        command()
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return ExitCode.USAGE
    except BitewingError as error:
        return _failed(error, as_json)
    except (KeyboardInterrupt, BrokenPipeError, click.Abort):
        return _failed(Interrupted("stopped", next_step="run the same command again to resume"), as_json)
    except Exception as error:  # the last resort: a defect of ours, kept for us, told without anybody's data
        return _failed(_defect(error, crash_folder), as_json)
    return ExitCode.DONE


def answer(document: dict[str, Any]) -> None:
    """The one object of a `--json` command."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def leave(passed: bool) -> None:
    """Ends the command: 0 if it passed, 1 if the answer is no."""
    raise click.exceptions.Exit(ExitCode.DONE if passed else ExitCode.ANSWER_IS_NO)


def _failed(error: BitewingError, as_json: bool) -> int:
    sys.stderr.write(f"{error}\n")
    if as_json:
        reason = {"reason": error.reason} if isinstance(error, Refused) else {}
        outcome = error.exit_code.name.lower().replace("_", "-")
        answer({"outcome": outcome, **reason, "error": error.what, "where": error.where, "next": error.next_step})
    return error.exit_code


def _defect(error: Exception, folder: Path | None) -> BitewingError:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    kept = folder is not None and folder.is_dir()
    if kept and folder is not None:
        (folder / "crash.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return BitewingError(
        f"a defect in Bitewing: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}",
        next_step="run the same command again; if it repeats, "
        + ("look at crash.txt in the job folder (it may hold patient data)" if kept else "report it"),
    )
