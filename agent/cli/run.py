"""run: take the migration along its road, until stopped."""

from __future__ import annotations

import typer

from agent.cli.options import Options
from commandline.outcome import answer, leave, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("run", help="Take the migration along its road, until stopped. Start it again at any time.")(run)


def run(context: typer.Context) -> None:
    """Hold the job's agent lock and work until a stop is asked for."""
    import asyncio

    from agent import compose
    from agent.home import Home, hold
    from protocol.vocabulary import ExitCode

    options: Options = context.obj
    with hold(Home(options.folder)):
        code = asyncio.run(compose.run(options.folder, ready=lambda: _ready(options)))
    if options.json:
        answer({"outcome": code.name.lower()})
    elif code is ExitCode.INTERRUPTED:
        say("Stopped between two patients. Start it again to go on.")
    leave(code)


def _ready(options: Options) -> None:
    if options.json:
        answer({"ready": True})
    else:
        say("The agent works. Ctrl-C stops it between two patients; bitewing-agent status shows what it does.")
