"""The one place in the agent where operating systems differ."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Callable
from types import FrameType

_STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")


def child_flags() -> int:
    """Process creation flags: on Windows a group of its own, so that Ctrl-C reaches the agent and not the engine."""
    return int(getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0))


def on_stop_request(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Call `stop` in the loop when the service manager or a person asks the process to end."""

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)

    for name in _STOP_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handle)
