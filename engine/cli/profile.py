"""profile check, show, fingerprint: for people who adapt a profile to a system."""

from __future__ import annotations

from typing import Annotated

import typer

from commandline.outcome import answer, leave_with
from engine.cli.options import Options

app = typer.Typer(help="Check, show or compare a profile: our model of one system, as data.")

Reference = Annotated[str, typer.Argument(metavar="PROFILE", help="The id of a bundled profile, or a .toml file.")]


@app.command("check", help="Read a profile strictly: every key, code, expression and query.")
def check(context: typer.Context, profile: Reference) -> None:
    from engine.profiles.load import load
    from engine.profiles.schema import TargetProfile
    from engine.reconcile.checkable import require_reconcilable

    options: Options = context.obj
    loaded = load(profile)
    if isinstance(loaded, TargetProfile):
        require_reconcilable(loaded)
    if options.json:
        answer({"verb": "profile check", "profile": loaded.id, "role": loaded.profile.role, "digest": loaded.digest})
    else:
        typer.echo(f"{loaded.id} is a valid {loaded.profile.role} profile, {loaded.profile.basis}.", err=True)


@app.command("show", help="Show what a profile says, section by section.")
def show(context: typer.Context, profile: Reference) -> None:
    from engine.cli.profile_text import described
    from engine.profiles.load import load

    options: Options = context.obj
    document = described(load(profile))
    if options.json:
        answer(document)
    else:
        width = max(map(len, document))
        typer.echo("\n".join(f"{key:<{width}}  {value}" for key, value in document.items()))


@app.command("fingerprint", help="Compare the tables and columns a profile relies on with a database.")
def fingerprint(
    context: typer.Context,
    profile: Reference,
    database: Annotated[str, typer.Option("--database", metavar="URL", help="Staging, samples or target; read only.")],
) -> None:
    from engine.profiles.load import load
    from engine.source.database import SourceDatabase
    from engine.source.live_schema import compare_schema
    from engine.source.live_types import kind_of, type_differences

    options: Options = context.obj
    loaded = load(profile)
    with SourceDatabase.open(database, loaded) as live:
        matching = live.matching
        comparison = compare_schema(loaded.database, live.tables(), matching)
        kinds = {
            name: {column: kind_of(kind) for column, kind in columns.items()}
            for name, columns in live.column_types().items()
        }
    differences = (*comparison.differences, *type_differences(loaded.database, kinds, matching))
    if options.json:
        answer({"verb": "profile fingerprint", "profile": loaded.id, "differences": list(differences)})
    elif differences:
        typer.echo("\n".join(differences), err=True)
    else:
        typer.echo(f"All {comparison.columns} columns that {loaded.id} relies on are there.", err=True)
    leave_with(not differences)
