"""Runs a function in a process of its own that dies, as by a power cut, at the Nth passage of a step."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable

from engine.failpoints import arm, killing


def died_at(point: str, passage: int, function: Callable[[], object]) -> bool:
    """Whether the passage was reached, and so the process died there."""
    process = multiprocessing.get_context("fork").Process(target=_armed, args=(point, passage, function))
    process.start()
    process.join(60)
    if process.exitcode not in (0, -signal.SIGKILL):
        raise AssertionError(f"neither finished nor died at {point}:{passage}, but ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _armed(point: str, passage: int, function: Callable[[], object]) -> None:
    arm(killing(f"{point}:{passage}"))
    function()
