"""What goes wrong with one picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from protocol.vocabulary import FindingCode


class ImageProblem(Exception):
    """One picture cannot be used. `code` is the finding it becomes; `detail` a sentence without patient data."""

    def __init__(self, code: FindingCode, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}")

    def __reduce__(self) -> tuple[type[ImageProblem], tuple[FindingCode, str]]:
        return type(self), (self.code, self.detail)


@contextmanager
def foreign(what: str, code: FindingCode = FindingCode.UNREADABLE_FILE) -> Iterator[None]:
    """Turns what a library raises over a file's bytes into an ImageProblem; its text may hold data and is left out."""
    try:
        yield
    except ImageProblem:
        raise
    except Exception as problem:
        raise ImageProblem(code, f"{what} cannot be read") from problem
