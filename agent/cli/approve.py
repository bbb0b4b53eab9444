"""approve: take in a decision that came on a stick, for practices without a connection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import Options
from commandline.outcome import answer, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("approve", help="Take in a signed decision from a file.")(approve)


def approve(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The decision that bitewing-console decide --out wrote.")],
) -> None:
    """Judge the decision and record it. A running agent notices by itself."""
    from agent import compose, decision_file
    from agent.home import Home

    options: Options = context.obj
    home = Home(options.folder)
    signed = decision_file.read(file)
    index = compose.record_decision(home, signed)
    decision = signed.decision
    if options.json:
        answer({"recorded": True, "gate": decision.gate, "verdict": decision.verdict, "ledger": index})
    else:
        say(f"Recorded: {decision.verdict} of {decision.gate}, entry {index} of the ledger.")
