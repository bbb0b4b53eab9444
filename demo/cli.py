"""bitewing-demo: the main job from end to end, on a practice in a box."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commandline.outcome import answer, ended, leave_with, say
from protocol.errors import Interrupted

if TYPE_CHECKING:
    from demo.result import Result
    from demo.screen import Screen

app = typer.Typer(name="bitewing-demo", add_completion=False, pretty_exceptions_enable=False)


class Database(StrEnum):
    """What the demo practice's databases are."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@app.command()
def demo(
    tui: Annotated[bool, typer.Option("--tui", help="Approve the gates yourself, in the terminal console.")] = False,
    patients: Annotated[int | None, typer.Option(min=1, help="Patients of the practice; 60 if not said.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed makes another practice.")] = None,
    database: Annotated[Database | None, typer.Option(help="The practice's databases; sqlite if not said.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Work in this folder and leave it; the same folder again resumes.")
    ] = None,
    top_up: Annotated[
        bool, typer.Option("--top-up", help="A second night after the first: DEXIS 11 took more images meanwhile.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Take a synthetic practice back from DEXIS 11 to DEXIS 10: hub, agent and engine as real processes on loopback.

    Nobody in it exists. Two scripted operators, named as such, approve the gates; their passphrases are made at random
    and kept in DIR/firm. Needs about 5 GB for 60 patients.
    """
    from demo.run import Wish, run  # noqa: PLC0415 - keeps --help quick
    from demo.world import DEFAULT_DATABASE, DEFAULT_PATIENTS, DEFAULT_SEED, recorded  # noqa: PLC0415 - the same

    known = recorded(keep) if keep else {}
    wish = Wish(
        keep,
        patients or known.get("patients", DEFAULT_PATIENTS),
        known.get("seed", DEFAULT_SEED) if seed is None else seed,
        str(database or known.get("database", DEFAULT_DATABASE)),
        tui,
        top_up,
    )
    result = _run(lambda screen: run(wish, screen))
    if json:
        answer(result.document())
    else:
        say(result.text())
    leave_with(result.exact)


def main(arguments: list[str] | None = None) -> None:
    """Runs the demo and ends the process with its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(ended(lambda: app(words, standalone_mode=False), as_json="--json" in words))


def _run(work: Callable[[Screen], Coroutine[Any, Any, Result]]) -> Result:
    """The result of `work`, which a service stop cancels."""
    from demo.screen import Screen  # noqa: PLC0415 - keeps --help quick

    async def stoppable() -> Result:
        running, loop = asyncio.current_task(), asyncio.get_running_loop()
        if running is not None:
            signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(running.cancel))
        with Screen() as screen:
            return await work(screen)

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise Interrupted("stopped", next_step="with --keep, the same command resumes") from None


if __name__ == "__main__":
    main()
