"""How far a running phase has come, for whoever asks `status` meanwhile. Nothing is decided by it.

It is measured, where the dry run's forecast is a prediction; so while a conversion runs, this is what is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from engine.events import Event, PhaseEnded, Progress

EVERY_SECONDS: Final = 2.0  # often enough for a person who asks twice

FRESH_SECONDS: Final = 600.0  # longer than any patient takes


class Keeper:
    """Passes every event on to `emit`, and keeps the newest progress in the file `path` until the phase ends.

    `clock` gives monotonic seconds. A disk that refuses the file ends nothing: whatever matters is written elsewhere.
    """

    def __init__(self, path: Path, emit: Callable[[Event], None], clock: Callable[[], float]) -> None:
        self._path, self._emit, self._clock = path, emit, clock
        self._kept_at = float("-inf")

    def __call__(self, event: Event) -> None:
        self._emit(event)
        with suppress(OSError):
            match event:
                case Progress() if event.paused or event.doing or self._clock() - self._kept_at >= EVERY_SECONDS:
                    self._keep(event)
                case PhaseEnded():
                    self._path.unlink(missing_ok=True)
                case _:
                    pass

    def _keep(self, event: Progress) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(event) + b"\n")
        fresh.replace(self._path)
        self._kept_at = self._clock()


def read(path: Path, now: float) -> Progress | None:
    """The newest progress that was kept; None if there is none, or none of late (`now` in UTC seconds).

    Whether anybody works at all, the job's lock says: a process that was killed leaves its file behind.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Progress)
        is_fresh = now - path.stat().st_mtime < FRESH_SECONDS
    except (OSError, msgspec.MsgspecError):
        return None
    return found if is_fresh or found.paused or found.doing else None
