"""enroll: join the firm's hub with a token."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.cli.options import Options
from commandline.outcome import answer, say
from protocol.errors import Interrupted


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("enroll", help="Join the firm's hub with a token that it sent.")(enroll)


def enroll(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="The one line that the firm sent.")],
    yes: Annotated[bool, typer.Option("--yes", help="The four words are compared later, at the console.")] = False,
    proxy: Annotated[str | None, typer.Option("--proxy", help="An HTTP proxy to go through: http://HOST:PORT")] = None,
) -> None:
    """Make the exchange, compare the four words, and keep what came back."""
    import asyncio

    from agent import compose, enrolment, identity
    from agent.home import Home, check_proxy, hold
    from engine.job import Job

    options: Options = context.obj
    home, job = Home(options.folder), Job.load(options.folder)
    parsed, through = enrolment.read_token(token, compose.utc()), check_proxy(proxy)
    signer = identity.load_signer(home)
    words = identity.words(signer.public_key)
    with hold(home), compose.enrolment_log(home) as egress:
        exchange = enrolment.exchange(parsed, through, home, signer, egress, compose.CLOCKS)
        result = asyncio.run(exchange)
        if not yes and not _confirmed(words):
            raise Interrupted(
                "not enrolled: the words were not confirmed", next_step="call the firm, then enroll again"
            )
        enrolment.keep(result, through, home, compose.ledger_of(job.folder))
    _report(options, parsed.practice, parsed.hub, words)


def _confirmed(words: str) -> bool:
    typer.echo(f"This agent's four words: {words}", err=True)
    try:
        return typer.confirm("Does the firm read the same four words from its console?", err=True)
    except typer.Abort:
        advice = "enroll again where somebody can answer, or with --yes and compare the words at the console later"
        raise Interrupted("not enrolled: nobody confirmed the words", next_step=advice) from None


def _report(options: Options, practice: str, hub: str, words: str) -> None:
    if options.json:
        answer({"enrolled": True, "practice": practice, "hub": hub, "words": words.split()})
        return
    say(f"Enrolled with {hub}.\nFour words of this agent's key, the same at the firm's console: {words}")
