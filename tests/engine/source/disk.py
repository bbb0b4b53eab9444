"""A disk that answers as a test wants."""

from __future__ import annotations

from engine.source.store import StoreProblem
from protocol.vocabulary import FindingCode


class Disk:
    """A store that gives its answers one after the other."""

    def __init__(self, *answers: bytes | FindingCode) -> None:
        self.answers = list(answers)

    def open_read(self, relative: str) -> bytes:
        answer = self.answers.pop(0)
        if isinstance(answer, FindingCode):
            raise StoreProblem(answer, "said the disk")
        return answer
