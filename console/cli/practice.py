"""bitewing-console practice: the practices whose migrations this hub watches."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Annotated

import typer

from commandline.outcome import answer, say
from console.cli.options import Options

if TYPE_CHECKING:
    from console.hub.store.practices import Practice

app = typer.Typer(help="Add and list practices.")


@app.command("add")
def add(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="The firm's short name, such as ALDER-7.")],
    opens: Annotated[str | None, typer.Option(help="When the practice opens, HH:MM by its own clock.")] = None,
) -> None:
    """Add a practice."""
    from console.hub.home import Home
    from console.hub.store import practices
    from console.hub.words import checked_hour, checked_practice_code

    options: Options = context.obj
    code, opens = checked_practice_code(code), None if opens is None else checked_hour(opens)
    practice_id, now = secrets.token_hex(16), int(time.time())
    store = Home.load(options.folder).database()
    store.write(lambda connection: practices.add(connection, practice_id, code, opens, now))
    if options.json:
        return answer({"id": practice_id, "code": code, "opens": opens})
    return say(f"{code} added, id {practice_id}")


@app.command("list")
def show(context: typer.Context) -> None:
    """List the practices."""
    from console.hub.home import Home
    from console.hub.store import practices

    options: Options = context.obj
    everyone = Home.load(options.folder).database().read(practices.everyone)
    if options.json:
        return answer({"practices": [_row(practice) for practice in everyone]})
    for practice in everyone:
        words = " ".join(practice.words) or "no agent enrolled"
        say(f"{practice.code:<16} {practice.id}  opens {practice.opens or '-':<5}  {words}")
    return None


def _row(practice: Practice) -> dict[str, object]:
    return {"id": practice.id, "code": practice.code, "opens": practice.opens, "words": list(practice.words)}
