"""Runs a function in a process of its own that dies, as by a power cut, at the Nth passage of a failpoint."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable

from engine import failpoints


def died_at(point: str, passage: int, function: Callable[[], object]) -> bool:
    """Whether the failpoint was reached, and so the process died there."""
    process = multiprocessing.get_context("fork").Process(target=_armed, args=(point, passage, function))
    process.start()
    process.join(60)
    if process.exitcode not in (0, -signal.SIGKILL):
        raise AssertionError(f"neither finished nor died at {point}:{passage}, but ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _armed(point: str, passage: int, function: Callable[[], object]) -> None:
    failpoints._ARMED = f"{point}:{passage}"  # type: ignore[misc]
    failpoints._passed.clear()
    function()
