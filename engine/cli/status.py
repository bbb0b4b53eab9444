"""status: where the run stands, gate by gate, and what comes next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from commandline.outcome import answer
from engine.cli.options import Options

if TYPE_CHECKING:
    from engine.gates import Standing
    from engine.job import Job


def register(app: typer.Typer) -> None:
    app.command("status", help="Where the run stands, gate by gate, and what comes next.")(status)


def status(context: typer.Context) -> None:
    from rich.console import Console

    from engine.cli import outlook
    from engine.cli.next_step import ENROL_FIRST, at_gate
    from engine.compose import open_ledger
    from engine.gates import ROAD
    from engine.job import Job
    from protocol.vocabulary import Gate, GateState

    options: Options = context.obj
    job = Job.load(options.folder)
    ledger = open_ledger(job)
    standings = ledger.standings()
    shut = next(((phase, gate) for phase, gate in ROAD if standings[gate].state is not GateState.OPEN), None)
    following, advice = at_gate(shut[0], standings[shut[1]]) if shut else (None, "report")
    if ledger.state().practice is None and shut and standings[shut[1]].state is GateState.WAITING:
        advice = f"{ENROL_FIRST}; then {advice}"
    found = outlook.read(job.report_folder)
    hours = _hours(job)
    if options.json:
        document = _document(job.run_id, ledger.state().practice, standings, following)
        answer(document | {"advice": advice, "hours": hours, "forecast": found})
        return
    typer.echo(f"Run {job.run_id}" + ("" if ledger.state().practice else ", not enrolled with a console"))
    for gate, standing in standings.items():
        typer.echo(f"  {gate:<16} {standing.state:<9} {', '.join(_because(standing))}".rstrip())
    typer.echo(f"Next: {advice}")
    if hours["deadline"]:
        typer.echo(_hours_text(hours))
    if found and standings[Gate.CONVERTED].state is not GateState.OPEN:
        Console().print(outlook.table(found))


def _because(standing: Standing) -> Iterator[str]:
    """What a gate stands on, in words; that approvals are missing, their count says by itself."""
    from protocol.vocabulary import Refusal

    if standing.needed:
        yield f"{len(standing.approvals)} of {standing.needed} approvals"
    if standing.refusal not in (None, Refusal.APPROVALS_MISSING):
        yield str(standing.refusal).replace("-", " ")


def _hours(job: Job) -> dict[str, Any]:
    """When conversion may run; `opens_at` is UTC seconds, None if it may run now."""
    from engine.night import hours_of

    run, opens = job.run, hours_of(job.run).opening(time.time())
    return {
        "begin": None if run.begin is None else f"{run.begin:%H:%M}",
        "deadline": None if run.deadline is None else f"{run.deadline:%H:%M}",
        "opens_at": None if opens is None else int(opens),
    }


def _hours_text(hours: dict[str, Any]) -> str:
    from engine.cli.screen import duration

    between = f"from {hours['begin']} until {hours['deadline']}" if hours["begin"] else f"until {hours['deadline']}"
    opens = hours["opens_at"]
    now = "now" if opens is None else f"not now; in {duration(opens - time.time())}"
    return f"Conversion runs {between} by this machine's clock: {now}"


def _document(run: str, practice: str | None, standings: Any, following: Any) -> dict[str, Any]:
    gates = {
        gate: {
            "state": standing.state,
            "why": standing.refusal,
            "approvals": len(standing.approvals),
            "needed": standing.needed,
            "evidence": standing.digest,
        }
        for gate, standing in standings.items()
    }
    return {"verb": "status", "run": run, "practice": practice, "gates": gates, "next": following}
