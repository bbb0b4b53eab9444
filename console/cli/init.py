"""bitewing-console init: a hub's folder, its authority, the firm's root key and an empty store."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from commandline.outcome import answer, say
from console.cli import passphrase
from console.cli.options import Options


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("init")(init)


def init(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Name or address that agents connect to.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the hub.")] = 8443,
    database: Annotated[str, typer.Option(help="SQLite or PostgreSQL URL of the store.")] = "sqlite:///hub.db",
) -> None:
    """Make a hub in the folder --home."""
    from cryptography.x509 import random_serial_number

    from console.hub import home, staff
    from console.hub.ca import CA_SECONDS, Authority, Term

    options: Options = context.obj
    folder, now = options.folder, int(time.time())
    settings = home.checked_settings(host=host, port=port, database=database)
    secret = passphrase.choose(passphrase.ROOT_VARIABLE, "Passphrase of the firm's root key")
    authority = Authority.create(Term(now, CA_SECONDS, random_serial_number()))
    made = home.create(folder, settings, authority, secret)
    store = made.database()
    store.migrate()
    store.write(lambda connection: staff.found(connection, made.unlock_root(secret), now))
    if options.json:
        return answer({"folder": str(folder), "url": settings.url, "root": made.root_public})
    return say(f"A hub is in {folder}; it will listen on {settings.url}.\nRoot key: {made.root_public}")
