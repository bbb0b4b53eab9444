"""Places where a fault test lets the process die, at every durable step. They cost one comparison otherwise.

`BITEWING_FAILPOINT=name:N` kills the process, as a power cut would, at the Nth passage of `name`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from typing import Final

NAMES: Final = frozenset(
    {
        "after-intent",  # the intent is in the journal, nothing else was done
        "after-write",  # one file lies in the incoming folder, unverified
        "after-prepare",  # every file of a patient lies verified in the incoming folder
        "after-insert",  # rows inserted, not committed
        "after-link",  # one file linked to its final path
        "before-commit",  # every file linked, directories synced
        "after-commit",  # rows committed, the journal still says intent
        "after-done",  # the journal says done, incoming files still there
        "after-remove",  # recovery removed one file
        "after-undone",  # recovery undid one patient
        "before-clean",  # every patient settled, the incoming folder still there
    }
)
_ARMED: Final = os.environ.get("BITEWING_FAILPOINT")
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Dies here if the environment says so."""
    if _ARMED is not None:
        _pass(name, _ARMED)


def _pass(name: str, armed: str) -> None:
    if name not in NAMES:
        raise ValueError(f"no such failpoint: {name}")
    _passed[name] += 1
    wanted, _, number = armed.partition(":")
    if wanted == name and _passed[name] == int(number or 1):
        _die()


def _die() -> None:
    """As by a power cut: no clean-up of any kind."""
    if sys.platform == "win32":
        os._exit(137)
    os.kill(os.getpid(), signal.SIGKILL)
