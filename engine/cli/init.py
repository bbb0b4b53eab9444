"""init: makes a job's folder ready: settings, the run's identity, its key and its ledger."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import typer

from commandline.outcome import answer, leave_with
from engine.cli.options import Options

TEMPLATE = """\
# One migration. Relative paths are relative to this folder. Secrets never stand here: use Windows integrated
# authentication, PostgreSQL's .pgpass, or the environment (PGPASSWORD, SQLCMDPASSWORD).
[source]
profile  = "dexis11"                       # bundled id, or the path of a .toml
snapshot = { kind = "postgresql-dump", path = "core.dump" }   # or sqlite-file, mssql-backup: DEXIS 11's own backup
staging  = "postgresql+psycopg://127.0.0.1/staging"           # where it is restored; never production
store    = ["D:/DTX Studio/core/data"]     # DEXIS 11's image store, opened read-only

[target]
profile  = "dexis10"
database = "mssql+pyodbc://@.\\\\DEXIS_DATA/DEXIS?driver=ODBC+Driver+18+for+SQL+Server&trusted_connection=yes"
store    = "C:/DEXIS Imaging Suite/Data"

[samples]                                  # genuine DEXIS 10 files and rows of this practice, at least 20
database = "mssql+pyodbc://@.\\\\DEXIS_DATA/DEXIS?driver=ODBC+Driver+18+for+SQL+Server&trusted_connection=yes"
store    = "D:/dexis10-samples"

[run]
workers  = 0                               # 0 = all cores
# begin  = "19:00"                         # when it closes: conversion then starts and goes on by itself in the evening
deadline = "07:30"                         # when the practice opens: conversion stops cleanly before
retries  = 3
"""


def register(app: typer.Typer) -> None:
    app.command("init", help="Make the job's folder ready: job.toml, the run's key, its ledger.")(init)


def init(context: typer.Context) -> None:
    options: Options = context.obj
    folder = options.folder
    lost = (folder / "plan.sqlite").exists() and not (folder / "ledger.jsonl").exists()
    run, fresh = make_ready(folder)
    next_step = "write your settings into job.toml, then: stage" if fresh else _next(lost)
    if options.json:
        answer({"verb": "init", "outcome": "done", "run": run, "folder": str(folder), "next": next_step})
    else:
        typer.echo(f"Job {run} is ready in {folder}.\nNext: {next_step}", err=True)
    leave_with(True)


def _next(lost: bool) -> str:
    """Where the ledger was lost, a conversion may have begun."""
    return "settle, then enrol the agent again, then stage" if lost else "stage"


def make_ready(folder: Path) -> tuple[str, bool]:
    """The run's id, and whether job.toml was written as a template. Doing it again changes nothing."""
    from engine import identity
    from engine.compose import clock, open_ledger
    from engine.job import Job, new_run_file
    from engine.settings import read_settings
    from protocol.keyset import public_hex

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings, fresh = folder / "job.toml", False
    if not settings.exists():
        settings.write_text(TEMPLATE, encoding="utf-8")
        fresh = True
    read_settings(folder)
    if not (folder / "run.json").exists():
        identity.write_private(folder / "run.json", new_run_file(secrets.token_hex(16), os.urandom(32), clock()))
    job = Job.load(folder)
    key = identity.create(job.identity_path)
    ledger = open_ledger(job)
    if not ledger.entries():
        ledger.open_run(job.run_id, public_hex(key))
    return job.run_id, fresh
