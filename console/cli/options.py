"""The options every verb shares, wherever on the command line they stand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.errors import UsageProblem


@dataclass(frozen=True, slots=True)
class Options:
    """`home`: the hub's folder. `json`: one object on stdout, nothing else."""

    home: Path | None = None
    json: bool = False

    @property
    def folder(self) -> Path:
        """The hub's folder; UsageProblem when it was not given."""
        if self.home is None:
            raise UsageProblem("which hub?", next_step="name its folder: bitewing-console --home DIR VERB")
        return self.home


def in_front(arguments: list[str]) -> list[str]:
    """The same arguments with the shared options first, so that they may also be written after the verb."""
    shared: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--json" or word.startswith("--home="):
            shared.append(word)
        elif word == "--home":
            shared += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            rest.append(word)
    return shared + rest
