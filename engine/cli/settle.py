"""settle: what a conversion left open, or its journal lost, brought in order by what stands in the target."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from commandline.outcome import answer, leave_with
from engine.cli.options import Options

if TYPE_CHECKING:
    from engine.phases.settle import Settlement

HELP = "Finish or undo what a conversion left open, by what stands in the target; converts nobody, needs no gate."


def register(app: typer.Typer) -> None:
    app.command("settle", help=HELP)(settle)


def settle(context: typer.Context) -> None:
    options: Options = context.obj
    found = _settled(options)
    if options.json:
        numbers = {"open": found.open, "converted": found.converted, "undone": found.undone}
        answer({"verb": "settle", "outcome": "done", **numbers})
    else:
        typer.echo(_sentence(found), err=True)
    leave_with(True)


def _settled(options: Options) -> Settlement:
    from engine.apart import require_apart
    from engine.compose import held
    from engine.job import Job
    from engine.phases.settle import run
    from engine.running.reporter import Reporter
    from protocol.vocabulary import Phase

    job = Job.load(options.folder)
    require_apart(job)
    with held(job), Reporter(Phase.CONVERT, lambda event: None, job.findings_path, time.monotonic) as reporter:
        return run(job, reporter)


def _sentence(found: Settlement) -> str:
    if not found.open:
        return "Nothing was open. Next: status"
    patients = "1 patient" if found.open == 1 else f"{found.open:,} patients"
    return f"Settled {patients}: {found.converted:,} converted, {found.undone:,} undone. Next: status"
