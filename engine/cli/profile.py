"""profile check, show, fingerprint: for people who adapt a profile to a system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from commandline.outcome import answer, leave_with
from engine.cli.options import Options

if TYPE_CHECKING:
    from engine.profiles.schema import SourceProfile, TargetProfile

app = typer.Typer(help="Check, show or compare a profile: our model of one system, as data.")

Reference = Annotated[str, typer.Argument(metavar="PROFILE", help="The id of a bundled profile, or a .toml file.")]


@app.command("check", help="Read a profile strictly: every key, code, expression and query.")
def check(context: typer.Context, profile: Reference) -> None:
    from engine.profiles.load import load

    options: Options = context.obj
    loaded = load(profile)
    if options.json:
        answer({"verb": "profile check", "profile": loaded.id, "role": loaded.profile.role, "digest": loaded.digest})
    else:
        typer.echo(f"{loaded.id} is a valid {loaded.profile.role} profile, {loaded.profile.basis}.", err=True)


@app.command("show", help="Show what a profile says, section by section.")
def show(context: typer.Context, profile: Reference) -> None:
    from engine.profiles.load import load

    options: Options = context.obj
    document = _document(load(profile))
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

    options: Options = context.obj
    loaded = load(profile)
    with SourceDatabase.open(database, loaded) as live:
        comparison = compare_schema(loaded.database, live.tables(), live.matching)
    if options.json:
        answer({"verb": "profile fingerprint", "profile": loaded.id, "differences": list(comparison.differences)})
    elif comparison.differences:
        typer.echo("\n".join(comparison.differences), err=True)
    else:
        typer.echo(f"All {comparison.columns} columns that {loaded.id} relies on are there.", err=True)
    leave_with(not comparison.differences)


def _document(profile: SourceProfile | TargetProfile) -> dict[str, Any]:
    from engine.profiles.schema import SourceProfile

    head, database = profile.profile, profile.database
    shared = {
        "profile": head.id,
        "role": head.role,
        "system": f"{head.system} {', '.join(head.versions)}",
        "basis": head.basis,
        "digest": profile.digest,
        "dialects": ", ".join(database.dialects),
        "relies on": f"{len(database.relies_on)} tables, {sum(map(len, database.relies_on.values()))} columns",
        "teeth": f"{profile.teeth.notation}, separator {profile.teeth.separator!r}, prefix {profile.teeth.prefix!r}",
        "orientation": f"{profile.orientation.unit}, {profile.orientation.mirror} mirror, {profile.orientation.order}",
    }
    return shared | (_source(profile) if isinstance(profile, SourceProfile) else _target(profile))


def _source(profile: SourceProfile) -> dict[str, Any]:
    excluded = [f"{what} {reason}" for what, reasons in profile.audit.excluded.items() for reason in reasons]
    return {
        "files": f"{profile.files.resolve} ({', '.join(profile.files.formats)})",
        "declared exclusions": ", ".join(excluded),
    }


def _target(profile: TargetProfile) -> dict[str, Any]:
    native = profile.native
    return {
        "rows": ", ".join(f"{rule.table} per {rule.entity}" for rule in profile.insert),
        "files": ", ".join(f"{rule.when}: {rule.type} ({rule.integrity.algorithm})" for rule in profile.files),
        "native file": f"{native.type}, header {native.header_size} bytes, payload {native.payload.codec}, "
        f"trailer {native.trailer_size} bytes",
    }
