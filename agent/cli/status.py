"""status: in one screen, what the agent does, what it waits for, what it sent."""

from __future__ import annotations

from typing import Any

import typer

from agent.cli.moments import utc_text
from agent.cli.options import Options
from commandline.outcome import answer, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("status", help="What the agent does, what it waits for, what it sent.")(status)


def status(context: typer.Context) -> None:
    """Look, and change nothing."""
    options: Options = context.obj
    found = _document(options)
    if options.json:
        answer(found)
    else:
        say(_screen(found))


def _document(options: Options) -> dict[str, Any]:
    from agent import compose, identity
    from agent import status as published
    from agent.home import Home, is_running, read_enrolment
    from engine.job import Job

    home, job = Home(options.folder), Job.load(options.folder)
    enrolment, certificate = read_enrolment(home), identity.read_certificate(home)
    running = is_running(home)
    return {
        "run": job.run_id,
        "practice": enrolment.practice,
        "hub": enrolment.hub,
        "words": identity.words(certificate.public_key).split(),
        "certificate_until": certificate.expires_at,
        "running": running,
        "now": published.read(home) if running else None,
        "gates": {
            gate: {"state": standing.state, "approvals": len(standing.approvals), "needed": standing.needed}
            for gate, standing in compose.ledger_of(job.folder).standings().items()
        },
    }


def _screen(found: dict[str, Any]) -> str:
    lines = [
        f"Hub          {found['hub']}",
        f"Practice     {found['practice']}",
        f"Four words   {' '.join(found['words'])}",
        f"Certificate  until {utc_text(found['certificate_until'])}",
        *_agent_lines(found["now"] if found["running"] else None, found["running"]),
        "Gates",
    ]
    for gate, standing in found["gates"].items():
        given = f"{standing['approvals']} of {standing['needed']} approvals" if standing["needed"] else ""
        lines.append(f"  {gate:<16} {standing['state']:<9} {given}".rstrip())
    return "\n".join(lines)


def _agent_lines(now: dict[str, Any] | None, running: bool) -> list[str]:
    if now is None:
        return [f"Agent        {'starts' if running else 'is not running; start it: bitewing-agent --job DIR run'}"]
    link, outbox, images = now["link"], now["outbox"], now["images"]
    state = "connected" if link["connected"] else f"not connected since {utc_text(link['since'])}"
    lines = [f"Agent        {now['does']} (as of {utc_text(now['at'])})"]
    if images and images["total"]:
        lines.append(f"Images       {images['done']} of {images['total']}")
    lines.append(f"Link         {state}")
    if link["what_to_do"]:
        lines.append(f"             {link['what_to_do']}")
    lines.append(f"Reports      {outbox['delivered']} delivered, {outbox['waiting']} waiting")
    return lines
