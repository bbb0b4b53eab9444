"""What is proven by decoding is decoded in a process of its own: a file may end the process that reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from engine.imaging import decode
from engine.imaging.problem import ImageProblem
from engine.profiles.schema import TargetProfile
from engine.proof.samples import SampleJudge, SampleVerdict
from engine.source.store import SourceStore
from engine.source.values import Row
from engine.workers import WorkerDied, Workers
from protocol.vocabulary import FindingCode

Item = TypeVar("Item")
Result = TypeVar("Result")

ENDS_THE_DECODER: Final = "kills the decoder"
DECODED_EACH: Final = 3  # files decoded in full per encoding


@dataclass(frozen=True, slots=True)
class Looked:
    """A file's encoding, None where no format is known; and why it cannot be decoded here, if it cannot."""

    encoding: str | None
    undecodable: str | None = None


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


def looking(store_roots: tuple[Path, ...]) -> Workers[str, Looked]:
    """Where files of the source are looked into, by their paths."""
    return Workers(1, _look, _set_up_looking, (store_roots,))


def judging(profile: TargetProfile, store: Path) -> Workers[Row, SampleVerdict]:
    """Where samples are judged, by their rows."""
    return Workers(1, _judge, _set_up_judging, (profile, store))


def asked(worker: Workers[Item, Result], item: Item) -> Result:
    """What the worker makes of `item`. Raises WorkerDied if it ends the process twice: once may be an accident."""
    try:
        return worker.run(item)
    except WorkerDied:
        return worker.run(item)


# In the worker process, each set up once.
_looker: list[Looker] = []
_samples: list[SampleJudge] = []


def _set_up_looking(store_roots: tuple[Path, ...]) -> None:
    _looker[:] = [Looker(SourceStore(store_roots))]


def _look(place: str) -> Looked:
    return _looker[0].look(place)


def _set_up_judging(profile: TargetProfile, store: Path) -> None:
    _samples[:] = [SampleJudge(profile, SourceStore((store,)))]


def _judge(row: Row) -> SampleVerdict:
    return _samples[0].judge(row)
