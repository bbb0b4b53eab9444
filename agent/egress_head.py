"""How far the egress log went: remembered in the outbox, so that an end cut off the log is noticed.

The log is written first, the head after it. A power cut between the two leaves the log exactly one frame ahead, and
that frame was not sent. The log is never behind: what is missing at its end was taken out.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from agent.outbox import Outbox
from protocol.errors import EnvironmentProblem

CHAIN_START = "0" * 64

_NEWEST, _BROKEN = "egress_head", "egress_broken"


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The end of a log: frames in it, its bytes, the hash of its last line."""

    frames: int
    size: int
    hash: str


NOTHING = Head(0, 0, CHAIN_START)
"""The head of a log without a frame."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is remembered: the newest head (None if nothing is), and the head that an agent once found gone."""

    newest: Head | None
    broken: Head | None


class Memory(Protocol):
    """Where the log's head is kept."""

    def marks(self) -> Marks:
        """What is remembered."""

    def keep(self, head: Head) -> None:
        """Remember durably how far the log goes. Raises EnvironmentProblem."""

    def keep_broken(self, head: Head) -> None:
        """Remember durably that the log no longer goes on from this head; the first such head stays."""


class OutboxMemory:
    """The memory of a running agent: facts of its outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def marks(self) -> Marks:
        return Marks(_head(self._outbox.fact(_NEWEST, "")), _head(self._outbox.fact(_BROKEN, "")))

    def keep(self, head: Head) -> None:
        self._outbox.remember(_NEWEST, msgspec.json.encode(head).decode())

    def keep_broken(self, head: Head) -> None:
        if not self._outbox.fact(_BROKEN, ""):
            self._outbox.remember(_BROKEN, msgspec.json.encode(head).decode())


def read_marks(path: Path) -> Marks:
    """What the outbox at `path` remembers, changing nothing; an agent may be at work. Raises EnvironmentProblem."""
    if not path.exists():
        return Marks(None, None)
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            found = dict(database.execute("SELECT name, value FROM fact WHERE name IN (?, ?)", (_NEWEST, _BROKEN)))
        finally:
            database.close()
        return Marks(_head(found.get(_NEWEST, "")), _head(found.get(_BROKEN, "")))
    except (sqlite3.Error, msgspec.MsgspecError) as problem:
        raise EnvironmentProblem(
            "the outbox cannot be read, so nothing says how far the egress log went",
            where=path.name,
            next_step="check its permissions; if it is damaged, put it back from a backup",
        ) from problem


def _head(text: str) -> Head | None:
    return msgspec.json.decode(text, type=Head) if text else None
