"""Whether the source is still what it was when it was staged, and what DEXIS 11 has added to it since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.job import Job
from engine.profiles.load import load_source
from engine.source.database import SourceDatabase
from engine.source.fingerprint import Fingerprint, differences, take_tables
from engine.source.listing import Change, StoreFile, compared, listed, read_listing
from engine.source.production import newer_rows
from engine.source.snapshot.backup import backup_digest
from protocol.errors import EnvironmentProblem

OnKnown = Callable[[Sequence[StoreFile]], None]

MOST_EXAMPLES: Final = 10  # files named of each kind: enough to see what goes on
_WORDS: Final = {
    Change.ADDED: "more than at staging",
    Change.CHANGED: "of another size or modification time",
    Change.REMOVED: "gone",
}
_KNOWN_AT_ONCE: Final = 500
_THERE_AT_STAGING: Final = (Change.NONE, Change.CHANGED)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that came after the snapshot: a file of the store (`place`), or rows. `detail` is a sentence."""

    place: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class SourceState:
    """`changed`: a sentence for each thing that is not what it was. `arrivals`: how much came after the snapshot,
    with a sentence for each kind. The two never speak of the same thing. `examples` names a few files of each kind."""

    changed: tuple[str, ...]
    arrived: tuple[str, ...]
    arrivals: int
    examples: Mapping[Change, Sequence[str]]

    @property
    def is_as_staged(self) -> bool:
        return not self.changed and not self.arrivals


def source_check(
    job: Job, on_arrival: Callable[[Arrival], None] = lambda arrival: None, on_known: OnKnown | None = None
) -> SourceState:
    """Compares with what `stage` took down; each arrival is told as it is found.

    `on_known` hears of every file that was there at staging and still is, of many at once: whoever needs them all walks
    no second time.

    Raises UsageProblem if nothing was staged in this run, EnvironmentProblem if the source cannot be read.
    """
    before = Fingerprint.load(job.fingerprint_path, job.run_id)
    with SourceDatabase.open(job.source.staging, load_source(job.source.profile)) as database:
        changed = differences(before.tables, take_tables(database))
    store = _Store()
    changes = _file_changes(job, before)
    for arrival in store.arrivals(changes if on_known is None else _telling(changes, on_known)):
        on_arrival(arrival)
    rows = (*newer_rows(job, load_source(job.source.profile)), *_newer_backup(job, before))
    for sentence in rows:
        on_arrival(Arrival(None, sentence))
    return SourceState((*store.changed(), *changed), (*store.arrived(), *rows), store.added + len(rows), store.examples)


def _newer_backup(job: Job, before: Fingerprint) -> Iterator[str]:
    """A sentence where another backup lies in the place of the staged one: what it holds is not known.

    Staging is a restored copy, so nothing that was proven rests on that file any more. Production, where it is named,
    has just been asked what is newer, and knows better than a file that DEXIS 11 writes every night.
    """
    if job.source.production is None and not _is_as_staged(job, before):
        yield "backup: it was written anew, or taken away, since it was staged; what a newer one holds is not known"


def _is_as_staged(job: Job, before: Fingerprint) -> bool:
    try:
        return before.backup == backup_digest(job.source.snapshot.path)
    except (EnvironmentProblem, OSError):  # it is gone, or DEXIS 11 is writing it now
        return False


def late_arrivals(job: Job) -> tuple[str, ...]:
    """A sentence for each kind of thing that came after the snapshot; nothing else is looked at."""
    store, before = _Store(), Fingerprint.load(job.fingerprint_path, job.run_id)
    for _ in store.arrivals(_file_changes(job, before)):
        continue
    return (*store.arrived(), *newer_rows(job, load_source(job.source.profile)), *_newer_backup(job, before))


def _file_changes(job: Job, before: Fingerprint) -> Iterator[tuple[Change, StoreFile]]:
    return compared(read_listing(job.listing_path, before.store), listed(job.source.store))


def _telling(changes: Iterable[tuple[Change, StoreFile]], on_known: OnKnown) -> Iterator[tuple[Change, StoreFile]]:
    known: list[StoreFile] = []
    for change, file in changes:
        if change in _THERE_AT_STAGING:
            known.append(file)
        if len(known) == _KNOWN_AT_ONCE:
            on_known(known)
            known = []
        yield change, file
    on_known(known)


class _Store:
    """What became of the store's files, counted while the arrivals among them pass by."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(_WORDS, 0)
        self._added_bytes = 0
        self.examples: dict[Change, list[str]] = {change: [] for change in _WORDS}

    @property
    def added(self) -> int:
        return self._counts[Change.ADDED]

    def arrivals(self, changes: Iterable[tuple[Change, StoreFile]]) -> Iterator[Arrival]:
        for change, file in changes:
            if change is Change.NONE:
                continue
            self._counts[change] += 1
            if len(self.examples[change]) < MOST_EXAMPLES:
                self.examples[change].append(file.name)
            if change is Change.ADDED:
                self._added_bytes += file.size
                yield Arrival(file.name, f"{file.size} bytes, not there when the source was staged")

    def changed(self) -> list[str]:
        return [self._sentence(change) for change in (Change.CHANGED, Change.REMOVED) if self._counts[change]]

    def arrived(self) -> list[str]:
        return [f"{self._sentence(Change.ADDED)} ({self._added_bytes} bytes)"] if self.added else []

    def _sentence(self, change: Change) -> str:
        count = self._counts[change]
        return f"store: {count} {'file' if count == 1 else 'files'} {_WORDS[change]}"
