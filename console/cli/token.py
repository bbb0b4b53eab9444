"""bitewing-console token: a single-use, short-lived token that enrols a practice's agent."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from commandline.outcome import answer, say
from console.cli.options import Options


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("token")(token)


def token(
    context: typer.Context,
    practice: Annotated[str, typer.Option(help="The practice's code or id.")],
) -> None:
    """Print a token that enrols one agent for a practice, once, within the hour."""
    from console.hub.home import Home
    from console.hub.store import practices
    from console.hub.tokens import write_token

    options: Options = context.obj
    home, secret, now = Home.load(options.folder), secrets.token_hex(32), int(time.time())
    store = home.database()
    found = store.read(lambda connection: practices.find(connection, practice))
    expires = store.write(lambda connection: practices.add_token(connection, found.id, secret, now))
    line = write_token(home, found.id, secret, expires)
    if options.json:
        return answer({"token": line, "practice": found.id, "expires": expires})
    until = datetime.fromtimestamp(expires, UTC).strftime("%H:%M UTC")
    return say(f"{line}\n\nFor {found.code}, once, until {until}: bitewing-agent --job DIR enroll TOKEN")
