"""Before a conversion goes on: whether the target still is the one into which it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from engine.journal import Journal, State
from engine.numbers import Numbers
from engine.phases.at_work import store_problems_explained
from engine.plan.reader import Plan
from engine.plan.values import Held
from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.failures import Failure
from engine.target.files import TargetStore
from engine.target.keys import Made
from engine.target.made import makes_keys
from engine.target.still_there import gone
from protocol.errors import Refused
from protocol.vocabulary import Refusal


def refuse_replaced_target(
    plan: Plan, journal: Journal, profile: TargetProfile, database: TargetDatabase, store: TargetStore
) -> None:
    """The patients that the journal calls done must stand in the target: it may have been emptied or restored.

    What is gone is never converted again by itself, not even where that could be done: its keys may have been given
    to others since, a person may have deleted it on purpose, and the approvals were of the target as it was then.
    Raises Refused, with nothing written.
    """
    try:
        with store_problems_explained(store):
            missing = gone(_held(plan, journal, profile), profile, database, store)
    except Failure as failure:
        raise failure.ends("run convert again; it resumes") from failure
    if missing:
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            f"the target does not hold what was converted into it: {missing.rows} rows and {missing.files} files of"
            " patients that are done are not there",
            where="target database and store",
            next_step="check target.database and target.store in job.toml; if the target was emptied or restored, or"
            " journal.sqlite is not the newest, put back the newest state; for an emptied target begin a new job",
        )


def _held(plan: Plan, journal: Journal, profile: TargetProfile) -> Iterator[tuple[Held, Made]]:
    """The patients that must stand in the target now, with the keys that its database made: one walk over the plan."""
    standing, is_made = _standing(plan, journal), makes_keys(profile)
    wanted = next(standing, None)
    for held in plan.held():
        if held.number == wanted:
            yield held, journal.made(held.number) if is_made else {}
            wanted = next(standing, None)


def _standing(plan: Plan, journal: Journal) -> Iterator[int]:
    """Their numbers, in order: of those done, and of those that leave, whose change is not made.

    One whose change was cut short is not asked for: how that attempt ended is asked when it is settled.
    """
    leaves_with = {number: change for change, number in plan.leaving().items()}
    held, cut_short = Numbers(chain(plan.numbers(), leaves_with)), Numbers(journal.numbers(State.INTENT))
    for number in journal.numbers(State.DONE):
        if number in held and leaves_with.get(number) not in cut_short:
            yield number
