"""The meaning of a refusal, and those that several databases share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Remedy(StrEnum):
    """Whether trying again can help."""

    AGAIN = "again"  # yes, and it concerns nobody but this patient
    REPAIR = "repair"  # once the disk, the server, the network or a right is in order; until then everybody will fail
    NEVER = "never"  # the same data will be refused again


@dataclass(frozen=True, slots=True)
class Meaning:
    """Whether trying again can help, a sentence of ours, and what to do next."""

    remedy: Remedy
    what: str
    next_step: str

    def next_with(self, command: str) -> str:
        """What to do next, up to `command`: "run convert again"."""
        return command if self.next_step == SAME else f"{self.next_step}; then {command}"


SAME: Final = "run the same command again"
DATA: Final = "compare the database with the profile: bitewing-engine profile fingerprint"
RIGHTS: Final = "see docs/databases.md for the rights that this login needs"
MEMORY: Final = "close other programs there, or give the machine more memory"

_AGAIN, _REPAIR, _NEVER = Remedy.AGAIN, Remedy.REPAIR, Remedy.NEVER

DEADLOCK: Final = Meaning(_AGAIN, "chosen as a deadlock's victim", SAME)
CHANGED: Final = Meaning(_AGAIN, "another transaction changed the same rows", SAME)
DUPLICATE: Final = Meaning(_NEVER, "a row with this key is already there", DATA)
FORBIDDEN: Final = Meaning(_NEVER, "a rule of the database forbids the row", DATA)
TOO_LONG: Final = Meaning(_NEVER, "a text is longer than its column", DATA)
MISFIT: Final = Meaning(_NEVER, "a value does not fit its column", DATA)
OTHER_SCHEMA: Final = Meaning(_NEVER, "the schema is not the profile's", DATA)
BAD_LOGIN: Final = Meaning(_REPAIR, "the login was refused", "check user, password and rights")
LOST: Final = Meaning(_REPAIR, "the connection to the server was lost", SAME)
SLOW: Final = Meaning(_REPAIR, "the server did not answer in time", "check the server, or raise query_timeout")
LOCKED: Final = Meaning(_REPAIR, "a lock was not given in time", "close DEXIS on all workstations")
SERVER_FULL: Final = Meaning(
    _REPAIR, "the server's disk or log is full", "make room, or let the database and its log grow"
)
SERVER_SHORT: Final = Meaning(_REPAIR, "the server was short of memory or threads", SAME)
SERVER_STOPS: Final = Meaning(_REPAIR, "the server is stopping or starting", SAME)
READ_ONLY: Final = Meaning(_REPAIR, "the database is read-only", "set it read-write, or correct the URL")
NO_RIGHT: Final = Meaning(_REPAIR, "a right is missing", RIGHTS)
