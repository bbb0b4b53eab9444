"""What a conversion needs at work: the target for itself alone, an incoming folder, workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from engine.failpoints import failpoint
from engine.job import Job
from engine.journal import Journal
from engine.meanings import disks
from engine.plan.reader import Plan
from engine.profiles.schema import TargetProfile
from engine.running.control import Control
from engine.running.workers import Workers
from engine.target import work
from engine.target.conversion import Task
from engine.target.database import TargetDatabase
from engine.target.failures import Failure, failure_of
from engine.target.files import TargetStore, place_of
from engine.target.hold import target_held
from engine.target.made import in_keys
from engine.target.mentioned import Mentioned
from engine.target.stood import AsItStood
from engine.target.taken import TakenKeys
from engine.target.work import Prepared


@contextmanager
def target_at_work(job: Job, profile: TargetProfile) -> Iterator[tuple[TargetStore, TargetDatabase]]:
    """The target, open for writing and held for this process alone. Raises Refused, EnvironmentProblem."""
    store = TargetStore(job.target.store, job.run_id)
    store.require_present()
    with ExitStack() as held:
        with store_problems_explained(store):
            held.enter_context(target_held(store.root))
        yield store, held.enter_context(closing(TargetDatabase(job.target.database, profile, read_only=False)))


@contextmanager
def incoming(store: TargetStore, journal: Journal) -> Iterator[Path]:
    """A new session's incoming folder; it is gone afterwards, whatever happened. Workers must have ended by then."""
    with store_problems_explained(store):
        folder = store.open_incoming(journal.next_session())
    failpoint("after-incoming")
    try:
        yield folder
    finally:
        failpoint("before-clean")
        with suppress(OSError):
            store.close_incoming()


@contextmanager
def store_problems_explained(store: TargetStore) -> Iterator[None]:
    """What the system says against the store ends the command, in words."""
    try:
        yield
    except OSError as error:
        refused = failure_of(disks.meaning_of(error), place_of(store.root))
        raise refused.ends("run the same command again") from error


def as_it_stood(plan: Plan, journal: Journal, profile: TargetProfile, database: TargetDatabase) -> AsItStood:
    """What a session asks of tables without an index; each is read when the first change asks for it."""
    leaving = (in_keys(plan.patient(number).keys, journal.made(number)) for number in plan.leaving().values())
    return AsItStood(TakenKeys(profile, database, plan.new_keys), Mentioned(database, leaving))


def preparers(job: Job, profile: TargetProfile, control: Control) -> Workers[Task, Prepared | Failure]:
    """The workers that prepare patients' files."""
    settings = (profile, job.source.store, job.folder)
    return Workers(job.run.workers, work.prepare, work.set_up, settings, lambda: control.pace)
