"""status: where the run stands, gate by gate, and what comes next."""

from __future__ import annotations

from typing import Any

import typer

from commandline.outcome import answer
from engine.cli.options import Options


def register(app: typer.Typer) -> None:
    app.command("status", help="Where the run stands, gate by gate, and what comes next.")(status)


def status(context: typer.Context) -> None:
    from engine.compose import open_ledger
    from engine.gates import ROAD
    from engine.job import Job
    from protocol.vocabulary import GateState

    options: Options = context.obj
    job = Job.load(options.folder)
    ledger = open_ledger(job)
    standings = ledger.standings()
    following = next((phase for phase, gate in ROAD if standings[gate].state is not GateState.OPEN), None)
    if options.json:
        answer(_document(job.run_id, ledger.state().practice, standings, following))
        return
    typer.echo(f"Run {job.run_id}" + ("" if ledger.state().practice else ", not enrolled with a console"))
    for gate, standing in standings.items():
        why = f"  ({standing.refusal})" if standing.refusal else ""
        given = f"  approvals {len(standing.approvals)} of {standing.needed}" if standing.needed else ""
        typer.echo(f"  {gate:<16} {standing.state:<9}{given}{why}")
    typer.echo(f"Next: {following or 'report'}")


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
