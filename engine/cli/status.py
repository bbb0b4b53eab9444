"""status: where the run stands, gate by gate, what comes next, and how far a running phase has come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from commandline.outcome import answer
from engine.cli.options import Options

if TYPE_CHECKING:
    from engine.events import Progress
    from engine.gates import Standing
    from engine.job import Job
    from engine.ledger import Ledger
    from protocol.vocabulary import Gate, Phase


def register(app: typer.Typer) -> None:
    app.command("status", help="Where the run stands, gate by gate, and what comes next.")(status)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Everything that is shown. `forecast` is what the dry run predicted, `running` what is measured just now."""

    run: str
    practice: str | None
    standings: Mapping[Gate, Standing]
    following: Phase | None
    advice: str
    hours: dict[str, Any]
    forecast: dict[str, Any] | None
    running: dict[str, Any] | None


def status(context: typer.Context) -> None:
    from engine.compose import open_ledger
    from engine.job import Job

    options: Options = context.obj
    job = Job.load(options.folder)
    seen = _look(job, open_ledger(job))
    if options.json:
        answer(_document(seen))
    else:
        _print(seen)


def _look(job: Job, ledger: Ledger) -> _Seen:
    from engine.cli import outlook

    ledger.require_begun()
    standings, practice = ledger.standings(), ledger.state().practice
    following, advice = _next(standings)
    return _Seen(
        job.run_id,
        practice,
        standings,
        following,
        advice,
        _hours(job),
        outlook.read(job.report_folder),
        _running(job),
    )


def _next(standings: Mapping[Gate, Standing]) -> tuple[Phase | None, str]:
    """The phase to run at the first gate that is not open, and what a person does first."""
    from engine.cli.next_step import at_gate
    from engine.gates import ROAD
    from protocol.vocabulary import GateState

    shut = ((phase, standings[gate]) for phase, gate in ROAD if standings[gate].state is not GateState.OPEN)
    first = next(shut, None)
    return (None, "report") if first is None else at_gate(*first)


def _running(job: Job) -> dict[str, Any] | None:
    """What a phase that works on this job now has done, and when it ends at the rate it has."""
    import msgspec

    from engine.compose import is_held
    from engine.running import under_way

    now = time.time()
    found = under_way.read(job.progress_path, now) if is_held(job) else None
    return None if found is None else msgspec.to_builtins(found) | {"ending": _ending(job, found, now)}


def _ending(job: Job, running: Progress, now: float) -> dict[str, Any] | None:
    import msgspec

    from engine.running.forecast import ending
    from engine.running.night import hours_of
    from protocol.vocabulary import Phase

    low, high = running.seconds_left_low, running.seconds_left_high
    if running.phase is not Phase.CONVERT or low is None or high is None:
        return None
    found: dict[str, Any] = msgspec.to_builtins(ending(hours_of(job.run), now, low, high))
    return found


def _print(seen: _Seen) -> None:
    from rich.console import Console

    from engine.cli import outlook
    from protocol.vocabulary import Gate, GateState

    typer.echo(f"Run {seen.run}" + ("" if seen.practice else ", not enrolled with a console"))
    for gate, standing in seen.standings.items():
        typer.echo(f"  {gate:<16} {standing.state:<9} {', '.join(_because(standing))}".rstrip())
    typer.echo(f"Next: {seen.advice}")
    if seen.hours["deadline"]:
        typer.echo(_hours_text(seen.hours))
    if seen.running:
        Console().print(outlook.running_table(seen.running))
    elif seen.forecast and seen.standings[Gate.CONVERTED].state is not GateState.OPEN:
        Console().print(outlook.table(seen.forecast))


def _because(standing: Standing) -> Iterator[str]:
    """What a gate stands on, in words; that approvals are missing, their count says by itself."""
    from protocol.vocabulary import Refusal

    if standing.needed:
        yield f"{len(standing.approvals)} of {standing.needed} approvals"
    if standing.refusal not in (None, Refusal.APPROVALS_MISSING):
        yield str(standing.refusal).replace("-", " ")


def _hours(job: Job) -> dict[str, Any]:
    """When conversion may run; `opens_at` is UTC seconds, None if it may run now."""
    from engine.running.night import hours_of

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


def _document(seen: _Seen) -> dict[str, Any]:
    return {
        "verb": "status",
        "run": seen.run,
        "practice": seen.practice,
        "gates": {gate: _gate(standing) for gate, standing in seen.standings.items()},
        "next": seen.following,
        "advice": seen.advice,
        "hours": seen.hours,
        "forecast": seen.forecast,
        "running": seen.running,
    }


def _gate(standing: Standing) -> dict[str, Any]:
    return {
        "state": standing.state,
        "why": standing.refusal,
        "approvals": len(standing.approvals),
        "needed": standing.needed,
        "evidence": standing.digest,
    }
