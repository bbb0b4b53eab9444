"""Loads profiles by reference: the id of a bundled profile, or a path to a .toml file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.profiles import examples
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.profiles.source import read_source
from engine.profiles.target import read_target
from engine.toml.document import Document
from engine.toml.suggest import allowed, closest
from protocol.errors import UsageProblem

_BUNDLED: Final = Path(__file__).parent


def load_source(reference: str | Path) -> SourceProfile:
    """The source profile that `reference` names. Raises UsageProblem with file, line and what is allowed."""
    return read_source(read_document(reference))


def load_target(reference: str | Path) -> TargetProfile:
    """The target profile that `reference` names. Raises UsageProblem with file, line and what is allowed."""
    return read_target(read_document(reference))


def load(reference: str | Path) -> SourceProfile | TargetProfile:
    """The profile that `reference` names, whichever its role."""
    document = read_document(reference)
    return read_target(document) if document.examples is examples.TARGET else read_source(document)


def read_document(reference: str | Path) -> Document:
    """The profile's file as a document, not yet judged; its errors come with a correct line."""
    document = Document.read(_path(str(reference)))
    head = document.root.get("profile")
    is_target = isinstance(head, dict) and head.get("role") == "target"
    return replace(document, examples=examples.TARGET if is_target else examples.SOURCE)


def bundled() -> tuple[str, ...]:
    """The ids of the bundled profiles."""
    return tuple(sorted(path.stem for path in _BUNDLED.glob("*.toml")))


def _path(reference: str) -> Path:
    if reference.endswith(".toml") or "/" in reference or "\\" in reference:
        return Path(reference)
    if reference not in bundled():
        raise UsageProblem(
            f"unknown profile {reference!r}{closest(reference, bundled())}; {allowed(bundled())}",
            next_step="name a bundled profile, or give the path of a .toml file",
        )
    return _BUNDLED / f"{reference}.toml"
