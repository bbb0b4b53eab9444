"""bitewing-console: the hub's and the operators' command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from commandline.outcome import ended
from commandline.words import in_front
from console.cli import decide, init, operator, practice, serve, token, tui
from console.cli.options import Options

SWITCHES, VALUED = ("--json",), ("--home",)

app = typer.Typer(
    name="bitewing-console",
    help="Watches many practices' migrations, and decides on their gates. No patient can be seen here.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def shared(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option("--home", help="The hub's folder.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """The options every verb shares."""
    context.obj = Options(home, json)


for module in (init, serve, token, decide, tui):
    module.register(app)
app.add_typer(practice.app, name="practice")
app.add_typer(operator.app, name="operator")


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    words = in_front(given, switches=SWITCHES, valued=VALUED) or ["--help"]
    sys.exit(ended(lambda: app(words, standalone_mode=False), as_json="--json" in words))


if __name__ == "__main__":
    main()
