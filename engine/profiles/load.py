"""Loads profiles by reference: the id of a bundled profile, or a path to a .toml file."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
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
_REMEMBERED: Final = 4  # profiles of a kind; a run has one


def load_source(reference: str | Path) -> SourceProfile:
    """The source profile that `reference` names. Raises UsageProblem with file, line and what is allowed."""
    document = read_document(reference)
    return _source(document.name, document.content)


def load_target(reference: str | Path) -> TargetProfile:
    """The target profile that `reference` names. Raises UsageProblem with file, line and what is allowed."""
    document = read_document(reference)
    return _target(document.name, document.content)


def load(reference: str | Path) -> SourceProfile | TargetProfile:
    """The profile that `reference` names, whichever its role."""
    document = read_document(reference)
    return read_target(document) if document.examples is examples.TARGET else read_source(document)


def read_document(reference: str | Path) -> Document:
    """The profile's file as a document, not yet judged; its errors come with a correct line."""
    return _with_examples(Document.read(_path(str(reference))))


@lru_cache(maxsize=_REMEMBERED)
def _source(name: str, content: bytes) -> SourceProfile:
    """One file is judged once: every statement in it is parsed by sqlglot, in each dialect."""
    return read_source(_with_examples(Document.parse(name, content)))


@lru_cache(maxsize=_REMEMBERED)
def _target(name: str, content: bytes) -> TargetProfile:
    return read_target(_with_examples(Document.parse(name, content)))


def _with_examples(document: Document) -> Document:
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
