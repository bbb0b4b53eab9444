"""What SQL Server's error numbers and its driver's SQLSTATEs mean to us, as tables.

Numbers: SQL Server's reference, "Database Engine events and errors". SQLSTATEs: the reference of ODBC, and that of
Microsoft's driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.meanings.meaning import (
    BAD_LOGIN,
    CHANGED,
    DEADLOCK,
    DUPLICATE,
    FORBIDDEN,
    LOCKED,
    LOST,
    MISFIT,
    NO_RIGHT,
    OTHER_SCHEMA,
    READ_ONLY,
    SERVER_FULL,
    SERVER_SHORT,
    SERVER_STOPS,
    SLOW,
    TOO_LONG,
    Meaning,
    Remedy,
)

_REPAIR: Final = Remedy.REPAIR

UNREACHABLE: Final = Meaning(
    _REPAIR,
    "the server cannot be reached",
    "check that it runs and that server, instance and port in the URL are right; a named instance needs SQL Server"
    " Browser",
)
UNTRUSTED: Final = Meaning(
    _REPAIR,
    "the server's certificate is not trusted here",
    "install the server's certificate on this machine, or add TrustServerCertificate=yes to the URL if the server is"
    " this very machine",
)
NO_DRIVER: Final = Meaning(
    _REPAIR, "the ODBC driver cannot be loaded", "leave driver= out of the URL, or install the driver it names"
)

_NUMBERS: Final = (
    ((1205,), DEADLOCK),
    ((1222,), LOCKED),
    ((3960, 3961), CHANGED),
    ((701, 8645, 8651, 10928, 10929), SERVER_SHORT),
    ((3101, 5061, 5070), Meaning(_REPAIR, "somebody works in the staging database", "close whatever uses it")),
    ((1101, 1105, 9002, 5149, 3257), SERVER_FULL),
    ((3906, 3908), READ_ONLY),
    ((18456, 18452, 18486, 18487, 18488), BAD_LOGIN),
    (
        (4060,),
        Meaning(_REPAIR, "the database cannot be opened with this login", "check its name and the login's rights"),
    ),
    ((942, 927, 945), Meaning(_REPAIR, "the database is offline, restoring or damaged", "ask whoever runs it")),
    ((229, 230, 262, 297, 300, 916, 3110, 5011, 15247), NO_RIGHT),
    ((823, 824, 825, 605), Meaning(_REPAIR, "the server read its own disk wrongly", "run DBCC CHECKDB there")),
    ((596, 6002, 6005, 17142), SERVER_STOPS),
    ((2601, 2627), DUPLICATE),
    ((513, 515, 547), FORBIDDEN),
    ((2628, 8152), TOO_LONG),
    ((220, 241, 242, 245, 248, 295, 296, 517, 8114, 8115), MISFIT),
    ((207, 208, 213, 544, 545, 1088, 4902, 8101, 8106, 8107), OTHER_SCHEMA),
    (
        (3201, 3203, 15105, 18210),
        Meaning(
            _REPAIR,
            "the server cannot open the backup",
            "give a path that the server itself sees, in a folder that its service account may read",
        ),
    ),
    (
        (1802, 3156, 5123, 5133),
        Meaning(
            _REPAIR,
            "the server cannot create staging's files",
            "let its service account write in the server's default data and log folders",
        ),
    ),
    (
        (3183, 3189, 3241, 3242, 3243, 3270),
        Meaning(_REPAIR, "the backup is damaged, or is none", "take it again, and check the disk it lies on"),
    ),
    (
        (3169,),
        Meaning(_REPAIR, "the backup is of a newer SQL Server", "name a server of its version or newer as staging"),
    ),
    (
        (33111,),
        Meaning(_REPAIR, "the backup is encrypted", "install the certificate it was made with on the staging server"),
    ),
    ((3154,), Meaning(_REPAIR, "the backup is of another database", "check source.staging in job.toml")),
)
_STATES: Final = (
    (("08S01", "08003", "08007", "HY010", "01002"), LOST),
    (("08001", "08004"), UNREACHABLE),
    (("HYT00", "HYT01", "HY008"), SLOW),
    (("28000",), BAD_LOGIN),
    (("IM002", "IM003", "IM004", "01000"), NO_DRIVER),
    (("40001",), DEADLOCK),
    (("22001",), TOO_LONG),
    (("22003", "22007", "22008", "22018"), MISFIT),
    (("23000",), FORBIDDEN),
    (("42S02", "42S22"), OTHER_SCHEMA),
)

BY_NUMBER: Final[Mapping[int, Meaning]] = MappingProxyType(
    {number: meaning for numbers, meaning in _NUMBERS for number in numbers}
)
BY_STATE: Final[Mapping[str, Meaning]] = MappingProxyType(
    {state: meaning for states, meaning in _STATES for state in states}
)
