"""The options every verb shares, wherever on the command line they stand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.errors import UsageProblem

SWITCHES = ("--json", "--events")
WITH_VALUE = ("--job",)


@dataclass(frozen=True, slots=True)
class Options:
    """`json`: one object on stdout at the end. `events`: JSON lines on stdout, control words on stdin."""

    job: Path | None = None
    json: bool = False
    events: bool = False

    @property
    def folder(self) -> Path:
        if self.job is None:
            raise UsageProblem("which job?", next_step="name its folder: bitewing-engine --job DIR VERB")
        return self.job


def in_front(arguments: list[str]) -> list[str]:
    """The same arguments with the shared options first, so that they may also be written after the verb."""
    shared: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in SWITCHES or word.startswith("--job="):
            shared.append(word)
        elif word in WITH_VALUE:
            shared += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            rest.append(word)
    return shared + rest
