"""What differs between operating systems when a file is only to be read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

# Not to change the access time; Linux only, and only for files of our own user.
_NO_ATIME: Final[int] = getattr(os, "O_NOATIME", 0)
# Never wait for a named pipe that somebody put in the store; binary and not inherited, where the system asks.
_READ: Final[int] = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_LONG: Final = 240  # characters from which Windows needs the long form of a path


def open_read(path: Path) -> int:
    """A read-only file descriptor of `path`; its access time stays where the system allows. Raises OSError."""
    try:
        return os.open(system_path(path), _READ | _NO_ATIME)
    except PermissionError:
        return os.open(system_path(path), _READ)


def system_path(path: Path | str, platform: str = sys.platform) -> str:
    """`path` as the system's calls take it: on Windows in the long form where it is long."""
    text = str(path)
    if platform != "win32" or len(text) < _LONG or text.startswith("\\\\?\\"):
        return text
    return f"\\\\?\\UNC\\{text[2:]}" if text.startswith("\\\\") else f"\\\\?\\{text}"


def printable(name: str) -> str:
    """A file name as text that can be written everywhere: bytes that are not UTF-8 appear as \\xNN."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
