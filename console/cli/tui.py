"""bitewing-console tui: the terminal console."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("tui")(tui)


def tui(
    operator: Annotated[Path, typer.Option(help="The operator's folder.")],
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of screens: for scripts and screen readers.")
    ] = False,
) -> None:
    """Watch the fleet and decide on gates."""
    from console.operator import OperatorIdentity
    from console.tui.app import run

    run(OperatorIdentity.load(operator), plain=plain)
