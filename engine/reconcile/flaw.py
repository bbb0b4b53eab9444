"""One thing about one image that is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.vocabulary import FindingCode


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it should be. `on_disk` says that the file shows it, not the rows."""

    code: FindingCode
    detail: str
    on_disk: bool = False
