"""What the source really holds: codes met and mapped, files there or not, encodings met and decodable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from engine.model import Category
from engine.profiles.schema import SourceProfile
from engine.proof.work import Looked, asked
from engine.running.control import Control
from engine.running.workers import WorkerDied, Workers
from engine.source.database import SourceDatabase
from engine.source.records import RecordReader
from engine.source.store import SourceStore, StoreProblem
from engine.source.values import Row, Unreadable
from engine.target.work import KILLS_THE_DECODER
from protocol.vocabulary import FindingCode

FILES_READ: Final = 400  # files whose encoding is looked at, spread evenly: some 2 GB, seconds rather than hours
_WANTING: Final = frozenset({FindingCode.MISSING_FILE, FindingCode.EMPTY_FILE})
_CODED: Final = ("category", "rotation", "mirrored", "teeth")


@dataclass(slots=True)
class SourceFacts:
    """What a survey found.

    `unmapped` are sentences, one for each distinct value without a meaning; `wanting` counts images whose file is
    missing or empty in the source itself; `encodings` counts files looked at; `undecodable` gives reasons.
    """

    images: int = 0
    files: int = 0
    categories: set[Category] = field(default_factory=set)
    codes: set[tuple[str, str]] = field(default_factory=set)
    unmapped: set[str] = field(default_factory=set)
    wanting: int = 0
    files_read: int = 0
    encodings: dict[str, int] = field(default_factory=dict)
    undecodable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileTrouble:
    """One image's file that cannot be had."""

    code: FindingCode
    image: str
    place: str | None
    detail: str


class SourceSurvey:
    """One pass over the source's rows. Hold the results in `facts`. Files are looked into by `looker`."""

    def __init__(
        self, database: SourceDatabase, store: SourceStore, profile: SourceProfile, looker: Workers[str, Looked]
    ) -> None:
        self._database, self._store, self._profile, self._looker = database, store, profile, looker
        self._reader = RecordReader(profile)
        self.facts = SourceFacts()
        self.most_images = int(database.scalar(profile.audit.images) or 0)
        self._stride = max(1, -(-self.most_images // FILES_READ))

    def run(self, control: Control, on_trouble: Callable[[FileTrouble], None], on_image: Callable[[], None]) -> None:
        """Reads patients, studies, then images; every image is announced by `on_image`."""
        for row in self._database.rows(self._profile.entities["patient"].query):
            self._patient(row)
        for row in self._database.rows(self._profile.entities["study"].query):
            self._study(row)
        for row in self._database.rows(self._profile.entities["image"].query):
            control.checkpoint()
            trouble = self._image(row)
            if trouble is not None:
                on_trouble(trouble)
            on_image()

    def _patient(self, row: Row) -> None:
        self.facts.codes.add(("sex", str(row["sex"])))
        try:
            self._reader.patient(row)
        except Unreadable as problem:
            self._unmapped(problem)

    def _study(self, row: Row) -> None:
        try:
            self._reader.study(row)
        except Unreadable as problem:
            self._unmapped(problem)

    def _image(self, row: Row) -> FileTrouble | None:
        self.facts.images += 1
        self.facts.codes.update((name, str(row[name])) for name in _CODED)
        try:
            image = self._reader.image(row)
        except Unreadable as problem:
            return self._unreadable(row, problem)
        self.facts.categories.add(image.category)
        try:
            self._resolve(image.file)
        except StoreProblem as problem:
            self.facts.wanting += problem.code in _WANTING
            return FileTrouble(problem.code, image.key, image.file, problem.detail)
        except WorkerDied:
            self.facts.files += 1  # it is there; the dry run leaves out what cannot be decoded, and says so
            return FileTrouble(FindingCode.UNREADABLE_FILE, image.key, image.file, KILLS_THE_DECODER)
        self.facts.files += 1
        return None

    def _resolve(self, place: str) -> None:
        if not self._store.exists(place):
            raise StoreProblem(FindingCode.MISSING_FILE, "there is no such file")
        if self.facts.images % self._stride == 0:
            self._look_into(place)

    def _unreadable(self, row: Row, problem: Unreadable) -> FileTrouble | None:
        if problem.code is FindingCode.MISSING_FILE:
            self.facts.wanting += 1
            return FileTrouble(problem.code, str(row["key"]), None, problem.detail)
        self._unmapped(problem)
        return None

    def _unmapped(self, problem: Unreadable) -> None:
        if problem.code is FindingCode.UNKNOWN_CODE:
            self.facts.unmapped.add(problem.detail)
        if problem.code is FindingCode.DATE_OUT_OF_RANGE:  # one sentence for a column, whatever the number of dates
            self.facts.codes.add((problem.column, "a date"))
            self.facts.unmapped.add(f"{problem.column} holds dates in none of the forms that the profile states")

    def _look_into(self, place: str) -> None:
        """Notes a file's encoding; one that cannot be decoded here with the reason. Raises StoreProblem, WorkerDied."""
        looked = asked(self._looker, place)
        self.facts.files_read += 1
        if looked.encoding is not None:
            self.facts.encodings[looked.encoding] = self.facts.encodings.get(looked.encoding, 0) + 1
        if looked.undecodable is not None:
            self.facts.undecodable[looked.encoding or "unknown encoding"] = looked.undecodable
