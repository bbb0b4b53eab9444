"""`--tui`: a person decides in the terminal console, in turn as both demo operators."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading

from demo.firm import Firm
from demo.screen import Screen
from protocol.errors import Interrupted

_BEFORE = """\
Two operators must approve; you may act as both. The console opens as the first; quit it (q) to open it as the other.
The practice's code is {practice}. Passphrases, made for this demo alone and kept in {folder}:"""

_RESUMES = "the same command resumes"
_BEGINS_ANEW = "the demo's folder is removed, so it begins anew; with --keep DIR it could resume"


async def decide_by_hand(firm: Firm, practice: str, screen: Screen, settled: asyncio.Event, *, kept: bool) -> None:
    """Open the console, as one operator and then as the other, until the run is settled. Raises Interrupted on q.

    `kept`: the demo's folder stays, so that the same command resumes.
    """
    screen.say(_BEFORE.format(practice=practice, folder=firm.folder))
    for operator, passphrase in zip(firm.operators, firm.passphrases, strict=True):
        screen.say(f"  {operator.name:<28} {passphrase}")
    with screen.aside():
        for operator in itertools.cycle(firm.operators):
            if settled.is_set():
                return
            if await _ask(f"Enter opens the console as {operator.name}, q ends the demo: ") == "q":
                raise Interrupted("ended at the keyboard", next_step=_RESUMES if kept else _BEGINS_ANEW)
            await _console(str(operator.folder))


async def _console(operator: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console.cli.main", "tui", "--operator", operator
    )
    await child.wait()


async def _ask(question: str) -> str:
    """A line from the keyboard. The thread that waits for it does not keep the demo from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        sys.stderr.write(question)
        sys.stderr.flush()
        line = sys.stdin.readline()
        loop.call_soon_threadsafe(_give, answer, line.strip() if line else "q")

    threading.Thread(target=read, daemon=True).start()
    return await answer


def _give(answer: asyncio.Future[str], text: str) -> None:
    if not answer.done():
        answer.set_result(text)
