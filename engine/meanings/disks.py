"""What an operating system means when it refuses a file, by its numbers.

Linux: errno(3). Windows: "System Error Codes"; Python gives its own number as `winerror`, which says more than the
errno that is made of it.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.meanings.meaning import SAME, Meaning, Remedy

_REPAIR: Final = Remedy.REPAIR

FULL: Final = Meaning(_REPAIR, "the disk is full", "make room on that disk")
GONE: Final = Meaning(
    _REPAIR, "the folder, or something in it, is not there", "connect its disk or network share, or put it back"
)
UNREACHABLE: Final = Meaning(
    _REPAIR,
    "the folder or network share cannot be reached",
    "check its disk, the network and the server that shares it",
)
NO_LINKS: Final = Meaning(
    _REPAIR,
    "the disk's file system knows no hard links",
    "use a disk with NTFS, ext4 or XFS; FAT, exFAT and some network shares will not do",
)
MEMORY: Final = Meaning(
    Remedy.AGAIN, "this machine is short of memory", "close other programs, or lower workers in job.toml"
)

_MEANINGS: Final = (  # names of errno, numbers of Windows, meaning
    (("ENOSPC",), (39, 112), FULL),
    (("EDQUOT",), (1295,), Meaning(_REPAIR, "the disk quota is used up", "make room there, or have the quota raised")),
    (
        ("EROFS",),
        (19,),
        Meaning(
            _REPAIR,
            "the disk is read-only",
            "make it writable; a disk that turned read-only by itself may be failing: see the system's log",
        ),
    ),
    (
        ("EACCES", "EPERM"),
        (5,),
        Meaning(_REPAIR, "access is denied", "give the account that runs Bitewing its rights in this folder"),
    ),
    (("ENODEV", "ENXIO"), (15, 20, 21, 55, 1167), Meaning(_REPAIR, "the disk is gone", "connect the disk again")),
    (("ENOENT", "ENOTDIR"), (2, 3), GONE),
    (
        (
            *("ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENETRESET"),
            *("ECONNRESET", "ECONNABORTED", "ECONNREFUSED", "ENOTCONN", "ETIMEDOUT", "EREMOTEIO"),
        ),
        (51, 53, 54, 59, 64, 65, 67, 71, 121, 1219, 1231, 1232, 1236, 2250),
        UNREACHABLE,
    ),
    (
        ("EIO",),
        (23, 1117, 1392, 1393),
        Meaning(
            Remedy.AGAIN,  # often one bad spot, which the next patient does not meet
            "the disk reports errors",
            "have the disk, its cable and controller checked",
        ),
    ),
    (
        ("EBUSY", "EAGAIN", "EDEADLK", "ETXTBSY"),
        (32, 33, 170),
        Meaning(
            Remedy.AGAIN,
            "another program holds a file, often a virus scanner",
            "keep virus scanners and other programs away from this folder",
        ),
    ),
    (
        ("ENAMETOOLONG",),
        (111, 206),
        Meaning(_REPAIR, "a path is longer than this system allows", "give the folder a shorter path"),
    ),
    (
        ("EMFILE", "ENFILE"),
        (4,),
        Meaning(_REPAIR, "too many files are open", "raise the limit of open files, or lower workers in job.toml"),
    ),
    (("ENOMEM",), (8, 14, 1450, 1455), MEMORY),
    (("ENOTSUP", "EOPNOTSUPP", "EXDEV", "EMLINK"), (17, 50, 1142), NO_LINKS),
    (
        ("EFBIG",),
        (223,),
        Meaning(_REPAIR, "a file is larger than the disk's file system takes", "use a disk with NTFS, ext4 or XFS"),
    ),
)
_BY_ERRNO: Final[Mapping[int, Meaning]] = MappingProxyType(
    {
        number: meaning
        for names, _, meaning in _MEANINGS
        for name in names
        if (number := getattr(errno, name, None)) is not None
    }
)
_BY_WINDOWS: Final[Mapping[int, Meaning]] = MappingProxyType(
    {number: meaning for _, numbers, meaning in _MEANINGS for number in numbers}
)


def meaning_of(error: OSError) -> Meaning:
    """What the system means. Of its own words only the name of the trouble is told, never the path."""
    if error.errno == errno.EPERM and error.filename2 is not None:  # so says Linux of FAT when it is to link a file
        return NO_LINKS
    found = _BY_WINDOWS.get(getattr(error, "winerror", None) or 0) or _BY_ERRNO.get(error.errno or 0)
    return found or Meaning(Remedy.AGAIN, f"the system refused ({error.strerror or 'it does not say why'})", SAME)
