"""What PostgreSQL's SQLSTATEs mean to us, the longest beginning that fits. From its manual, "Error Codes"."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.meanings import meaning
from engine.meanings.meaning import Meaning, Remedy

_REPAIR: Final = Remedy.REPAIR

NO_ANSWER: Final = Meaning(
    _REPAIR,
    "the server cannot be reached, or the connection was lost",
    "check that it runs and that server and port in the URL are right",
)
"""What a driver's error without a SQLSTATE means: the server never said anything."""

_MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "08": meaning.LOST,
        "22": meaning.MISFIT,
        "22001": meaning.TOO_LONG,
        "23": meaning.FORBIDDEN,
        "23505": meaning.DUPLICATE,
        "25006": meaning.READ_ONLY,
        "28": meaning.BAD_LOGIN,
        "3D": Meaning(_REPAIR, "the server has no database of this name", "check the database's name in the URL"),
        "3F": meaning.OTHER_SCHEMA,
        "40001": meaning.CHANGED,
        "40P01": meaning.DEADLOCK,
        "42": meaning.OTHER_SCHEMA,
        "42501": meaning.NO_RIGHT,
        "53": meaning.SERVER_SHORT,
        "53100": Meaning(_REPAIR, "the server's disk is full", "make room on the database server's disk"),
        "53200": Meaning(_REPAIR, "the server is out of memory", meaning.MEMORY),
        "53300": Meaning(_REPAIR, "the server has no connection left", "close other programs that use the database"),
        "55P03": meaning.LOCKED,
        "57": meaning.SERVER_STOPS,
        "57014": meaning.SLOW,
        "58": Meaning(
            _REPAIR, "the server cannot read or write its own files", "check the database server's disk and its log"
        ),
        "XX": Meaning(_REPAIR, "the server found its own data damaged", "ask whoever runs it; see the server's log"),
    }
)


def meaning_of(state: str) -> Meaning | None:
    """What a SQLSTATE means; None where nothing is known of it."""
    return next((found for length in (5, 2) if (found := _MEANINGS.get(state[:length]))), None)
