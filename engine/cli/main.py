"""bitewing-engine: the conversion engine's command line."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Annotated

import typer

from commandline.outcome import ended
from commandline.words import in_front, value_of
from engine.cli import init, phase, profile, report, settle, source_check, status
from engine.cli.options import Options

SWITCHES, VALUED = ("--json", "--events"), ("--job",)

app = typer.Typer(
    name="bitewing-engine",
    help="Takes a practice's images from DEXIS 11 back to DEXIS 10, and proves that nothing was lost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def shared(
    context: typer.Context,
    job: Annotated[Path | None, typer.Option("--job", help="The job's folder.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    events: Annotated[
        bool, typer.Option("--events", help="Print events as JSON lines, obey control words on stdin.")
    ] = False,
) -> None:
    """The options every verb shares."""
    context.obj = Options(job, json, events)


for module in (init, phase, settle, source_check, status, report):
    module.register(app)
app.add_typer(profile.app, name="profile")


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    words = in_front(given, switches=SWITCHES, valued=VALUED) or ["--help"]
    folder = Path(job) if (job := value_of("--job", words)) else None
    sys.exit(ended(lambda: _explained(words, folder), as_json="--json" in words, crash_folder=folder))


def _explained(words: list[str], folder: Path | None) -> object:
    """Runs the command; what the system says against a file of the job is told in words, and by its place."""
    try:
        return app(words, standalone_mode=False)
    except BrokenPipeError:
        raise
    except (OSError, sqlite3.Error, MemoryError) as error:
        if folder is None:
            raise
        from engine import places
        from engine.job import Job

        with places.explained(Job.load(folder)):
            raise error


if __name__ == "__main__":
    main()
