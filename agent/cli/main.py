"""bitewing-agent: the practice server's command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.cli import approve, egress, enroll, run, status
from agent.cli.options import Options
from commandline.outcome import ended
from commandline.words import in_front

SWITCHES, VALUED = ("--json",), ("--job",)

app = typer.Typer(
    name="bitewing-agent",
    help="Runs a practice's migration and reports to the firm. No patient data leaves through it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def shared(
    context: typer.Context,
    job: Annotated[Path | None, typer.Option("--job", help="The job's folder.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """The options every verb shares."""
    context.obj = Options(job, json)


for module in (enroll, run, status, egress, approve):
    module.register(app)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    words = in_front(given, switches=SWITCHES, valued=VALUED) or ["--help"]
    sys.exit(ended(lambda: app(words, standalone_mode=False), as_json="--json" in words))


if __name__ == "__main__":
    main()
