"""The target store as it stands on disk: a walk of everything there, and which image each path stands for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from engine.profiles.schema import TargetProfile
from protocol.errors import EnvironmentProblem

_HEX = re.compile(r"\{hex8(?:\[(\d)\])?\}")


def walk(root: Path, profile: TargetProfile) -> Iterator[tuple[str, str | None, int]]:
    """Every file below `root`: path with forward slashes, the image key it stands for if any, size in bytes.

    Links are not followed; they stand for nothing. Raises EnvironmentProblem if the store cannot be read.
    """
    templates = tuple(rule.path for rule in profile.files)
    try:
        for entry in _entries(root):
            path = _as_text(Path(entry.path).relative_to(root).as_posix())
            is_plain = entry.is_file(follow_symlinks=False)
            yield path, key_of(path, templates) if is_plain else None, entry.stat(follow_symlinks=False).st_size
    except OSError as problem:
        raise EnvironmentProblem(
            f"the target store cannot be read ({problem.strerror})",
            where="target.store",
            next_step="check the folder, its disk and permissions, then run reconcile again",
        ) from problem


def path_for(template: str, key: int) -> str:
    """Where the image with this key stands."""
    return _HEX.sub(lambda found: _digits(f"{key:08x}", found[1]), template)


def key_of(path: str, templates: tuple[str, ...]) -> str | None:
    """The image key a path stands for: its own digits, if the whole path is what a template makes of them."""
    for digits in re.findall(r"[0-9a-f]{8}", path.rpartition("/")[2]):
        if any(path_for(template, int(digits, 16)) == path for template in templates):
            return str(int(digits, 16))
    return None


def _as_text(path: str) -> str:
    """A path whose bytes are no UTF-8 with those bytes written out: it can be told, and stands for no image."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _digits(hex8: str, place: str | None) -> str:
    return hex8 if place is None else hex8[int(place)]


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Files and links, folder by folder; of the folders still to visit only the names are kept."""
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry
