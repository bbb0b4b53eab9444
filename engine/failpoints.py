"""The durable steps of a conversion by name, and where a fault test makes each of them fail.

Otherwise a passage costs one comparison. `BITEWING_FAILPOINT=name:N` kills the process that passes `name` for the
Nth time, as a power cut would; a test in the same process gives `arm` what shall happen instead.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

# Every step, in the order of a conversion, and how things stand when it is passed. Recovery stands at the end.
STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "after-incoming": "the session's incoming folder is there, nothing else was done",
        "after-intent": "the intent is in the journal, nothing else was done",
        "before-sync": "one file is written into the incoming folder, not flushed",
        "after-write": "one file lies flushed in the incoming folder, unverified",
        "after-prepare": "every file of a patient lies verified in the incoming folder",
        "after-delete": "top-up: the rows of the patient who leaves deleted, not committed",
        "after-insert": "rows inserted, not committed",
        "after-keys": "the keys that the database made are in the journal, nothing committed",
        "after-folder": "one new folder of the store made, its entry not flushed",
        "after-link": "one file linked to its final path, its entry not flushed",
        "after-folder-sync": "the entries of one folder flushed",
        "before-commit": "every file linked, every folder flushed",
        "after-commit": "rows committed, the journal still says intent",
        "after-old-file": "top-up: rows committed, one file of the patient who leaves removed, its entry not flushed",
        "after-done": "the journal says done, incoming files still there",
        "before-clean": "every patient settled, the incoming folder still there",
        "after-remove": "recovery removed one file",
        "before-undone": "recovery removed every file of a patient, the journal still says intent",
        "after-undone": "recovery undid one patient",
        "before-forward": "recovery found rows committed and files missing",
        "before-forward-done": "recovery made the missing files good, the journal still says intent",
        "after-set-aside": "a patient that keeps failing is set aside in the journal",
    }
)

Action = Callable[[str], None]


def arm(action: Action) -> None:
    """From now on `action` is called with the name of every step that this process passes."""
    _armed.append(action)


def failpoint(name: str) -> None:
    """A step is passed."""
    if _armed:
        _pass(name)


def killing(point: str) -> Action:
    """Dies at a passage, given as `name:N` or `name` for the first."""
    wanted, _, number = point.partition(":")
    passed = Counter[str]()

    def act(name: str) -> None:
        passed[name] += 1
        if name == wanted and passed[name] == int(number or 1):
            die()

    return act


def die() -> None:
    """As by a power cut: no clean-up of any kind."""
    if sys.platform == "win32":
        os._exit(137)
    os.kill(os.getpid(), signal.SIGKILL)


def _pass(name: str) -> None:
    if name not in STEPS:
        raise ValueError(f"no such step: {name}")
    for action in _armed:
        action(name)


_armed: list[Action] = [killing(point)] if (point := os.environ.get("BITEWING_FAILPOINT")) else []
