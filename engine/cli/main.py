"""bitewing-engine: the conversion engine's command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli import init, phase, profile, report, source_check, status
from engine.cli.options import Options, in_front
from engine.cli.outcome import ended

app = typer.Typer(
    name="bitewing-engine",
    help="Takes a practice's images from DEXIS 11 back to DEXIS 10, and proves that nothing was lost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def shared(
    context: typer.Context,
    job: Annotated[Path | None, typer.Option("--job", help="The job's folder.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    events: Annotated[
        bool, typer.Option("--events", help="Print events as JSON lines, obey control words on stdin.")
    ] = False,
) -> None:
    context.obj = Options(job, json, events)


for module in (init, phase, source_check, status, report):
    module.register(app)
app.add_typer(profile.app, name="profile")


def main(arguments: list[str] | None = None) -> None:
    words = in_front(sys.argv[1:] if arguments is None else arguments)
    folder = Path(words[words.index("--job") + 1]) if "--job" in words[:-1] else None
    sys.exit(
        ended(
            lambda: app(words, standalone_mode=False),
            as_json="--json" in words,
            crash_folder=folder,
        )
    )


if __name__ == "__main__":
    main()
