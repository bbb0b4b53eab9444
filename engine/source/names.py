"""Names of files that are one name on one system and two on the next: case, accents, what Windows keeps for itself."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from pathlib import Path
from typing import Final

from engine.source.os_files import system_path

_RESERVED: Final = re.compile(r"(con|prn|aux|nul|(com|lpt)[\d¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE)


def is_reserved(name: str, platform: str = sys.platform) -> bool:
    """Whether Windows would open a device, or another file, under this name. Other systems know no such names."""
    if platform != "win32":
        return False
    return _RESERVED.fullmatch(name.rstrip(" .")) is not None or name != name.rstrip(" .")


def folded(name: str) -> str:
    """A name as a file system compares it that knows no case, and writes accents in one way."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_nearly_there(root: Path, parts: tuple[str, ...]) -> bool:
    """Whether a path exists below `root` that differs from `parts` only as `folded` names may."""
    folders = [root]
    for part in parts:
        folders = [path for folder in folders for path in _alike(folder, part)]
    return bool(folders)


def _alike(folder: Path, name: str) -> list[Path]:
    """The entries of a folder whose name is `name`, or one that folds to the same."""
    if os.path.lexists(system_path(folder / name)):
        return [folder / name]
    try:
        with os.scandir(system_path(folder)) as entries:
            return [folder / entry.name for entry in entries if folded(entry.name) == folded(name)]
    except OSError:
        return []
