"""A function in a process of its own, forked from this warm one: milliseconds instead of a start of Python."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

KILLED: Final = -signal.SIGKILL
_PATIENCE: Final = 120  # seconds until a process counts as hung


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: killed, or with what its function returned, or with the error it raised."""

    killed: bool
    result: Any = None
    error: str | None = None


def apart(function: Callable[[], Any]) -> Ended:
    """Runs `function` in a child process."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(function, theirs))
    process.start()
    theirs.close()
    told = _received(mine)
    process.join(_PATIENCE)
    if process.exitcode is None:
        process.kill()
        process.join()
        return Ended(killed=False, error="hung")
    if process.exitcode == KILLED:
        return Ended(killed=True)
    return told or Ended(killed=False, error=f"ended with {process.exitcode}")


def _received(pipe: Any) -> Ended | None:
    try:
        return pipe.recv() if pipe.poll(_PATIENCE) else None  # type: ignore[no-any-return]
    except EOFError:
        return None


def _run(function: Callable[[], Any], pipe: Any) -> None:
    try:
        pipe.send(Ended(killed=False, result=function()))
    except BaseException:
        pipe.send(Ended(killed=False, error=traceback.format_exc()))
