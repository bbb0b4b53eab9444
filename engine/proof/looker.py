"""A look into a file of the source: how it is encoded, and whether that can be decoded here."""

from __future__ import annotations

from collections import Counter
from typing import Final

from engine.imaging import decode
from engine.imaging.problem import ImageProblem
from engine.proof.work import Looked
from engine.source.store import SourceStore
from protocol.vocabulary import FindingCode

DECODED_EACH: Final = 3  # files decoded in full per encoding


class Looker:
    """Looks into files of the source's store, and decodes the first few of each encoding."""

    def __init__(self, store: SourceStore) -> None:
        self._store, self._met = store, Counter[str]()

    def look(self, place: str) -> Looked:
        """Raises StoreProblem."""
        data, encoding = self._store.open_read(place), None
        try:
            encoding = decode.encoding(data)
            self._met[encoding] += 1
            available = decode.is_available(data)
            if not available:
                return Looked(encoding, available.reason)
            if self._met[encoding] <= DECODED_EACH:
                decode.decode(data)
        except ImageProblem as problem:
            return Looked(encoding, problem.detail if problem.code is FindingCode.NO_DECODER else None)
        return Looked(encoding)
