"""What mapping, encoding or placing one patient noticed; the parent process makes findings of it."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.vocabulary import FindingCode


@dataclass(frozen=True, slots=True)
class Notice:
    """`image` is the source key it is about (None: the patient), `place` a path or column, `detail` a sentence."""

    code: FindingCode
    image: str | None = None
    place: str | None = None
    detail: str | None = None
