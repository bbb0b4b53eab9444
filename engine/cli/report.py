"""report: the practice's certificate, as a page and as JSON with its signed evidence."""

from __future__ import annotations

import typer

from commandline.outcome import answer, leave_with
from engine.cli.options import Options


def register(app: typer.Typer) -> None:
    app.command("report", help="Write the certificate (HTML and JSON) into the job's report folder.")(report)


def report(context: typer.Context) -> None:
    from engine.compose import clock, open_ledger
    from engine.job import Job
    from engine.report.certificate import certificate
    from engine.report.files import write
    from engine.report.nights import nights

    options: Options = context.obj
    job = Job.load(options.folder)
    ledger = open_ledger(job)
    document = certificate(ledger, clock(), nights(job, ledger))
    page, data = write(job.report_folder, document)
    if options.json:
        answer({"verb": "report", "exact": document.exact, "html": str(page), "json": str(data)})
    else:
        typer.echo(f"{document.headline}\n{page}\n{data}", err=True)
    leave_with(document.exact)
