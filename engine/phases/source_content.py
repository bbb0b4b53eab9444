"""Reads every file again that the dry run read, and compares its bytes; where it is interrupted, it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from engine.job import Job
from engine.plan.reader import Plan
from engine.running.control import Control
from engine.running.workers import WorkerDied, Workers
from engine.source import content
from engine.source.check import MOST_EXAMPLES
from engine.source.content import Difference, FileRead, ReadAgain
from engine.source.fingerprint import Fingerprint
from engine.source.store import SourceStore
from protocol.errors import EnvironmentProblem

SAVE_SECONDS: Final = 5.0  # of reading are lost at most where the power goes
_WORDS: Final = {
    Difference.CHANGED: "other bytes than the dry run read",
    Difference.UNREADABLE: "no bytes at all: gone, or not to be read",
    Difference.UNSTEADY: "other bytes from one read to the next: disk or network are in doubt",
}
_Task = tuple[int, tuple[FileRead, ...]]


class Bookmark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the reading has come: the patient up to whom all is read, and what was found. Kept in the job's folder.

    `plan` is the digest of the plan that is followed, `since` when the reading began (UTC seconds).
    """

    plan: str
    since: int
    patient: int = 0
    files: int = 0
    bytes: int = 0
    counts: dict[Difference, int] = {}
    examples: dict[Difference, tuple[str, ...]] = {}

    def after(self, patient: int, found: ReadAgain) -> Bookmark:
        """This far, and one patient further."""
        counts, examples = dict(self.counts), dict(self.examples)
        for kind, name in found.different:
            counts[kind] = counts.get(kind, 0) + 1
            examples[kind] = (*examples.get(kind, ()), name)[:MOST_EXAMPLES]
        files, size = self.files + found.files, self.bytes + found.bytes
        return Bookmark(self.plan, self.since, patient, files, size, counts, examples)

    def save(self, path: Path) -> None:
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(msgspec.json.encode(self))
        part.replace(path)

    @staticmethod
    def load(path: Path, plan: str) -> Bookmark | None:
        """Where a reading of the same plan stopped; None if there is nothing to go on from."""
        with suppress(OSError, msgspec.DecodeError):
            mark = msgspec.json.decode(path.read_bytes(), type=Bookmark)
            return mark if mark.plan == plan else None
        return None


@dataclass(frozen=True, slots=True)
class ContentState:
    """What came out. `uncovered` files of the store were not read by the dry run; `since` is UTC seconds."""

    since: int
    files: int
    bytes: int
    uncovered: int
    counts: Mapping[Difference, int]
    examples: Mapping[Difference, tuple[str, ...]]

    @property
    def differences(self) -> tuple[str, ...]:
        """A sentence for each kind of difference; empty if every file has the bytes it had."""
        return tuple(
            f"content: {count} {'file' if count == 1 else 'files'} with {_WORDS[kind]}"
            for kind, count in self.counts.items()
        )


@dataclass(frozen=True, slots=True)
class Clocks:
    """`now` gives UTC seconds, `monotonic` seconds that only rise."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def content_check(
    job: Job, control: Control, told: Callable[[int, int], None], clocks: Clocks = Clocks()
) -> ContentState:
    """Compares the store with plan.sqlite; `told` hears how many files are read, and of how many.

    Raises Refused, UsageProblem, EnvironmentProblem, Interrupted; what was read until then is not read again.
    """
    staged = Fingerprint.load(job.fingerprint_path, job.run_id)
    with closing(Plan(job.plan_path)) as plan:
        mark = Bookmark.load(job.content_path, plan.digest) or Bookmark(plan.digest, int(clocks.now()))
        total, covered = plan.source_file_counts()
        reading = _Reading(job, mark, lambda files: told(files, total), clocks.monotonic)
        mark = reading.finish(plan, control)
    uncovered = max(0, staged.store.files - covered)
    return ContentState(mark.since, mark.files, mark.bytes, uncovered, mark.counts, mark.examples)


def forget(job: Job) -> None:
    """The result was told: the next reading begins at the first file."""
    job.content_path.unlink(missing_ok=True)


@dataclass
class _Reading:
    job: Job
    mark: Bookmark
    told: Callable[[int], None]
    monotonic: Callable[[], float]
    saved: float = field(default=float("-inf"))

    def finish(self, plan: Plan, control: Control) -> Bookmark:
        """Reads whatever is left."""
        self.told(self.mark.files)
        settings = (self.job.source.store,)
        try:
            with Workers(
                self.job.run.workers, content.compare, content.set_up, settings, lambda: control.pace
            ) as workers:
                for task, found in workers.map(plan.source_files(after=self.mark.patient)):
                    self._take(task, found)
                    control.checkpoint()
        finally:
            self.mark.save(self.job.content_path)
        return self.mark

    def _take(self, task: _Task, found: ReadAgain | WorkerDied) -> None:
        if isinstance(found, WorkerDied):
            raise EnvironmentProblem(
                "a worker process died while it read one patient's files",
                where="source store",
                next_step="check memory and disk, then run the same command again to resume",
            )
        self._require_store(found)
        self.mark = self.mark.after(task[0], found)
        self.told(self.mark.files)
        if self.monotonic() - self.saved >= SAVE_SECONDS:
            self.saved = self.monotonic()
            self.mark.save(self.job.content_path)

    def _require_store(self, found: ReadAgain) -> None:
        """A share that went away says nothing of its files. Raises EnvironmentProblem."""
        unread = any(kind is Difference.UNREADABLE for kind, _ in found.different)
        if unread and not SourceStore(self.job.source.store).is_there():
            raise EnvironmentProblem(
                "there is nothing in it any more: its disk or network share is away",
                where="DEXIS 11's image store (source.store in job.toml)",
                next_step="connect it, then run the same command again to resume",
            )
