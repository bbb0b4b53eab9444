"""How the outside pauses and stops a phase, between two patients and never inside one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from engine.running.pace import FULL_PACE, pace_from
from protocol.errors import Interrupted


class Control(Protocol):
    """What a phase asks between patients."""

    @property
    def pace(self) -> int:
        """Percent of the time that workers may work now."""
        return FULL_PACE

    def checkpoint(self) -> None:
        """Returns when work may go on, blocks while paused, raises Interrupted when stopped."""


class Uncontrolled:
    """Nobody pauses, throttles or stops this run except by interrupting the process."""

    pace = FULL_PACE

    def checkpoint(self) -> None:
        return None


class Switch:
    """Pause, resume, stop and pace, set from another thread."""

    def __init__(self, pace: int = FULL_PACE) -> None:
        self.pace = pace
        self._may_run = threading.Event()
        self._may_run.set()
        self._stopped = False
        self._tell: Callable[[bool], None] = lambda paused: None

    def on_pause(self, tell: Callable[[bool], None]) -> None:
        """Who is told when the run pauses or goes on."""
        self._tell = tell

    def checkpoint(self) -> None:
        self._may_run.wait()
        if self._stopped:
            raise Interrupted("stopped on request", next_step="run the same command again to resume")

    def pause(self) -> None:
        self._may_run.clear()
        self._tell(True)

    def resume(self) -> None:
        self._may_run.set()
        self._tell(False)

    def stop(self) -> None:
        self._stopped = True
        self._may_run.set()

    def obey(self, words: Iterable[str]) -> None:
        """Obeys control words, one a line, until they end; then nobody is in charge any more, and that is a stop."""
        verbs = {"pause": self.pause, "resume": self.resume, "stop": self.stop}
        for word in words:
            verbs.get(word.strip(), lambda: None)()
            self.pace = pace_from(word.strip()) or self.pace
        self.stop()
