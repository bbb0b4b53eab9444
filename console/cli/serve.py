"""bitewing-console serve: the hub itself."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import time
from typing import TYPE_CHECKING

import typer

from commandline.outcome import answer, say
from console.cli.options import Options

if TYPE_CHECKING:
    from console.hub.home import Home


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("serve")(serve)


def serve(context: typer.Context) -> None:
    """Serve agents and operators until stopped."""
    import structlog

    from console.hub.home import Home

    options: Options = context.obj
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        asyncio.run(_serve(Home.load(options.folder), options.json))
    except (asyncio.CancelledError, KeyboardInterrupt):
        return


async def _serve(home: Home, as_json: bool) -> None:
    from cryptography.x509 import random_serial_number

    from console.hub.ca import HUB_SECONDS, Term
    from console.hub.hub import Hub, World
    from console.hub.server import serve_forever
    from console.hub.store.writer import Writer

    _stop_on_sigterm()
    world = World(time.time, time.monotonic, lambda: secrets.token_hex(16), random_serial_number)
    database = home.database()
    database.migrate()
    tls = home.renew_certificate(Term(world.now, HUB_SECONDS, world.new_serial()))
    writer = Writer(database, asyncio.get_running_loop())
    try:
        hub, settings = Hub(home.authority, database, writer, world), home.settings
        await serve_forever(hub, settings.host, settings.port, tls, lambda: _announce(settings.url, as_json))
    finally:
        writer.close()
        database.close()


def _announce(url: str, as_json: bool) -> None:
    if as_json:
        answer({"ready": True, "url": url})
    else:
        say(f"The hub listens on {url}.")


def _stop_on_sigterm() -> None:
    """A service manager stops the hub the way Ctrl-C does."""
    loop, serving = asyncio.get_running_loop(), asyncio.current_task()
    if serving is not None:
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(serving.cancel))
