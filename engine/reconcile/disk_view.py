"""The target store as it stands on disk: a walk of everything there, and which image each path stands for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from engine.meanings.disks import meaning_of
from engine.profiles.schema import TargetProfile
from protocol.errors import EnvironmentProblem

_PLACE = re.compile(r"\{([^{}]*)\}")


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
        meaning = meaning_of(problem)
        raise EnvironmentProblem(
            f"a folder in it cannot be listed: {meaning.what}",
            where=f"target's store {root} (target.store in job.toml)",
            next_step=meaning.next_with("run reconcile again"),
        ) from problem


def path_for(template: str, key: int, names: Mapping[str, object] = MappingProxyType({})) -> str:
    """Where the image with this key stands; `names` has the keys it belongs to, "key(patient)", and its dates."""
    return _PLACE.sub(lambda found: _piece(found[1], key, names), template)


def key_of(path: str, templates: tuple[str, ...]) -> str | None:
    """The image key a path stands for: its own digits, if the path is what a template makes of them.

    Whose patient's key and which date a path names is told only when the image is looked at.
    """
    for template in templates:
        found = _pattern(template).fullmatch(path)
        if found is not None:
            key = int(found["key"], 16 if "{hex8}" in template else 10)
            if _again(template, key, found) == path:
                return str(key)
    return None


def _again(template: str, key: int, found: re.Match[str]) -> str:
    """The path that this key would have, with everything in it that is not the image's own taken as it was found."""
    pieces = _PLACE.split(template)
    others = (index for index in range(1, len(pieces), 2) if not _is_image_key(pieces[index]))
    said = {index: found[f"other{number}"] for number, index in enumerate(others)}
    return "".join(
        piece if index % 2 == 0 else said[index] if index in said else _piece(piece, key, {})
        for index, piece in enumerate(pieces)
    )


@lru_cache(maxsize=16)
def _pattern(template: str) -> re.Pattern[str]:
    """What every path of a template looks like; `key` is the image's whole key, the others are not the image's."""
    pattern, others, has_key = "", 0, False
    is_hex = "{hex8}" in template
    for index, piece in enumerate(_PLACE.split(template)):
        if index % 2 == 0:
            pattern += re.escape(piece)
        elif not _is_image_key(piece):
            pattern += rf"(?P<other{others}>\d+)" if "[" not in piece else rf"(?P<other{others}>\d)"
            others += 1
        elif "[" not in piece and not has_key and piece.startswith("hex8") == is_hex:
            pattern, has_key = pattern + ("(?P<key>[0-9a-f]{8})" if is_hex else r"(?P<key>\d+)"), True
        else:
            pattern += "[0-9a-f]+" if "[" not in piece else "[0-9a-f]"
    return re.compile(pattern)


def _is_image_key(piece: str) -> bool:
    return piece.startswith(("hex8", "key"))


def _piece(inside: str, key: int, names: Mapping[str, object]) -> str:
    """What a pair of braces stands for: "hex8[3]", "key:08", "patient_key:05[0]" or "image.acquired_at:%Y"."""
    named, bracket, at = inside.partition("[")
    name, _, form = named.partition(":")
    if form.startswith("%"):
        return _date_part(names.get(name), form)
    number = key if _is_image_key(name) else names.get(f"key({name.removesuffix('_key')})")
    if not isinstance(number, int):
        return "?"  # no file is called so
    written = f"{number:08x}" if name == "hex8" else format(number, form or "d")
    return written[int(at.rstrip("]"))] if bracket else written


def _date_part(moment: object, form: str) -> str:
    """Year, month or day; zeros of nothing."""
    if not isinstance(moment, date):
        return "0000" if form == "%Y" else "00"
    year, month, day = f"{moment:%Y}".zfill(4), f"{moment:%m}", f"{moment:%d}"
    return {"%Y": year, "%m": month, "%d": day}[form]


def _as_text(path: str) -> str:
    """A path whose bytes are no UTF-8 with those bytes written out: it can be told, and stands for no image."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


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
