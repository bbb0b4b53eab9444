"""source-check: is the source still what it was when it was staged?"""

from __future__ import annotations

import typer

from commandline.outcome import answer, leave_with
from engine.cli.options import Options


def register(app: typer.Typer) -> None:
    app.command("source-check", help="Compare the source with the fingerprint taken when it was staged.")(source_check)


def source_check(context: typer.Context) -> None:
    from engine.job import Job
    from engine.source.check import source_check as differences_of

    options: Options = context.obj
    differences = differences_of(Job.load(options.folder))
    if options.json:
        answer({"verb": "source-check", "unchanged": not differences, "differences": differences})
    elif differences:
        typer.echo("The source has changed since it was staged:\n" + "\n".join(f"  {d}" for d in differences), err=True)
    else:
        typer.echo("The source is unchanged since it was staged.", err=True)
    leave_with(not differences)
