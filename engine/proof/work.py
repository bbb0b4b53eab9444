"""The proof's looks into files as they are given to a worker process, and what comes back: a file may end that process.

Looker and judge with their decoders are loaded only in the process that does the work.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.model import Category
from engine.profiles.schema import TargetProfile
from engine.running.workers import WorkerDied, Workers
from engine.source.store import SourceStore
from engine.source.values import Row
from protocol.errors import EnvironmentProblem

if TYPE_CHECKING:  # they bring every decoder
    from engine.proof.looker import Looker
    from engine.proof.samples import SampleJudge

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Looked:
    """A file's encoding, None where no format is known; and why it cannot be decoded here, if it cannot."""

    encoding: str | None
    undecodable: str | None = None


@dataclass(frozen=True, slots=True)
class SampleVerdict:
    """What one sample proves. Sizes in bytes; `hashes` counts the places that keep the hash of a file that is there.

    `packed_otherwise`: the payload holds the same pixels in other bytes than we would write, and the profile allows it.
    """

    key: str
    category: Category | None
    complaints: tuple[str, ...]
    size: int = 0
    explained: int = 0
    reencoded: bool = False
    hashes: int = 0
    hashes_reproduced: int = 0
    packed_otherwise: bool = False

    @property
    def is_proven(self) -> bool:
        return not self.complaints and self.reencoded and self.hashes == self.hashes_reproduced


def looking(store_roots: tuple[Path, ...]) -> Workers[str, Looked]:
    """Where files of the source are looked into, by their paths."""
    return Workers(1, look, _set_up_looking, (store_roots,))


def judging(profile: TargetProfile, store: Path) -> Workers[Row, SampleVerdict]:
    """Where samples are judged, by their rows."""
    return Workers(1, judge, _set_up_judging, (profile, store))


def asked(worker: Workers[Item, Result], item: Item) -> Result:
    """What the worker makes of `item`. Raises WorkerDied if it ends the process twice: once may be an accident.

    EnvironmentProblem where a process ends without any item: then the machine is to blame, and no file.
    """
    with suppress(WorkerDied):
        return worker.run(item)
    if worker.begins():
        return worker.run(item)
    raise EnvironmentProblem(
        "the process that looks into files ends before it looks into any",
        where="prove",
        next_step="free memory, ask whether a virus scanner ends it, then run prove again",
    )


# In the worker process, each set up once. A process pool calls functions, so they have to stand somewhere.
_looker: list[Looker] = []
_judge: list[SampleJudge] = []


def _set_up_looking(store_roots: tuple[Path, ...]) -> None:
    from engine.proof.looker import Looker  # noqa: PLC0415 - for a worker alone

    _looker[:] = [Looker(SourceStore(store_roots))]


def look(place: str) -> Looked:
    """In the worker. Raises StoreProblem."""
    return _looker[0].look(place)


def _set_up_judging(profile: TargetProfile, store: Path) -> None:
    from engine.proof.samples import SampleJudge  # noqa: PLC0415 - for a worker alone

    _judge[:] = [SampleJudge(profile, SourceStore((store,)))]


def judge(row: Row) -> SampleVerdict:
    """In the worker."""
    return _judge[0].judge(row)
