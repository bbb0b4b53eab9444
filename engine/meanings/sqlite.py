"""What SQLite's errors mean to us, by the beginning of their names. From its manual, "Result and Error Codes"."""

from __future__ import annotations

from typing import Final

from engine.meanings import meaning
from engine.meanings.disks import FULL
from engine.meanings.meaning import Meaning, Remedy

_REPAIR: Final = Remedy.REPAIR
DAMAGED: Final = Meaning(_REPAIR, "the file is damaged, or is no database", "restore it from backup")
UNKNOWN: Final = Meaning(
    _REPAIR, "SQLite cannot use the file", "check its disk, and that nothing else has the file open"
)
_SHORT: Final = Meaning(_REPAIR, "this machine is short of memory", meaning.MEMORY)
_LOCKED: Final = Meaning(_REPAIR, "another program keeps the file locked", "close whatever has it open")

_MEANINGS: Final = (  # the first that fits
    ("SQLITE_FULL", FULL),
    ("SQLITE_IOERR_SHMSIZE", FULL),
    ("SQLITE_IOERR_NOMEM", _SHORT),
    ("SQLITE_IOERR", Meaning(_REPAIR, "the disk reports errors", "have the disk checked, and see the system's log")),
    ("SQLITE_NOMEM", _SHORT),
    (
        "SQLITE_READONLY",
        Meaning(
            _REPAIR,
            "the file cannot be written",
            "let the account that runs Bitewing write the file and its folder, and see that the disk is not read-only",
        ),
    ),
    (
        "SQLITE_CANTOPEN",
        Meaning(
            _REPAIR,
            "the file cannot be opened",
            "check that it is there, and that the account that runs Bitewing may read and write it and its folder",
        ),
    ),
    ("SQLITE_PERM", meaning.NO_RIGHT),
    ("SQLITE_AUTH", meaning.NO_RIGHT),
    ("SQLITE_BUSY", _LOCKED),
    ("SQLITE_LOCKED", _LOCKED),
    ("SQLITE_CORRUPT", DAMAGED),
    ("SQLITE_NOTADB", DAMAGED),
    ("SQLITE_CONSTRAINT_PRIMARYKEY", meaning.DUPLICATE),
    ("SQLITE_CONSTRAINT_UNIQUE", meaning.DUPLICATE),
    ("SQLITE_CONSTRAINT_ROWID", meaning.DUPLICATE),
    ("SQLITE_CONSTRAINT", meaning.FORBIDDEN),
    ("SQLITE_MISMATCH", meaning.MISFIT),
    ("SQLITE_RANGE", meaning.MISFIT),
    ("SQLITE_TOOBIG", meaning.TOO_LONG),
)


def meaning_of(name: str) -> Meaning | None:
    """What an error of this name, such as SQLITE_FULL, means; None where nothing is known of it."""
    return next((found for beginning, found in _MEANINGS if name.startswith(beginning)), None)
