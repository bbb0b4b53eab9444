"""What of a plan stands in the target without the journal's knowledge.

The journal was lost, or put back from an older day. What a patient became is planned to the last value, so rows that
stand under planned keys, value for value, are the conversion's own, and whoever they are must not come a second time.
A target whose database makes keys is not asked: there only the journal knows which row is whose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from engine.journal import Journal, State
from engine.plan.reader import Plan
from engine.plan.values import Change
from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.failures import Failure
from engine.target.files import Presence, TargetStore
from engine.target.keys import NO_KEYS
from engine.target.made import makes_keys
from engine.target.planned import planned_files, planned_rows
from protocol.errors import Refused
from protocol.vocabulary import Refusal

_SETTLED: Final = (State.DONE, State.INTENT)  # what the journal knows of, and convert settles


def unknown(
    plan: Plan, states: Mapping[int, State], profile: TargetProfile, database: TargetDatabase
) -> Iterator[Change]:
    """The changes that stand made in the target, and that the journal, which says `states`, knows nothing of.

    Raises Failure. Where there is none it costs one count of keys.
    """
    if makes_keys(profile):
        return
    done = sum(number >= plan.header.first and states.get(number) is State.DONE for number in plan.numbers())
    more, leaving = _patients(plan, profile, database) > done, plan.leaving()
    for number in plan.changes():
        if (more or number in leaving) and states.get(number) not in _SETTLED:
            change = plan.change(number)
            if _is_made(change, profile, database):
                yield change


def take_up(plan: Plan, journal: Journal, profile: TargetProfile, database: TargetDatabase) -> None:
    """What the target holds of the plan without the journal's knowledge becomes an attempt, to be settled like any.

    Raises Refused where the journal is older than what the plan builds on, EnvironmentProblem.
    """
    states = journal.states()
    _refuse_older(plan, states)
    try:
        for change in list(unknown(plan, states, profile, database)):
            journal_intent(change, journal)
    except Failure as failure:
        raise failure.ends("run the same command again") from failure


def take_up_files(plan: Plan, journal: Journal, store: TargetStore) -> None:
    """Files that hold to the last byte what is planned at their path, and have no row by all that the journal knows,
    become an attempt too. Only for a person who asked: they may be somebody's who has the same picture. Raises Failure.
    """
    for number in plan.changes():
        if journal.state(number) not in _SETTLED and (change := plan.change(number)).comes:
            found = {store.presence(file) for file in planned_files(change.comes)}
            if Presence.OURS in found and Presence.FOREIGN not in found:
                journal_intent(change, journal)


def journal_intent(change: Change, journal: Journal) -> None:
    """Journals the intent of an attempt."""
    keys, files = (change.comes.keys, planned_files(change.comes)) if change.comes else (NO_KEYS, ())
    journal.begin(change.number, keys, files, change.leaves.number if change.leaves else None)


def _refuse_older(plan: Plan, states: Mapping[int, State]) -> None:
    """Whom an earlier night brought must be known as done."""
    waiting = [number for change, number in plan.leaving().items() if states.get(change) not in _SETTLED]
    earlier = [number for number in plan.numbers() if number < plan.header.first]
    missing = sum(states.get(number) is not State.DONE for number in (*earlier, *waiting))
    if missing:
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            f"the journal is older than the plan: it does not know {missing} patients as done whom an earlier night"
            " brought; nothing was written",
            where="journal.sqlite",
            next_step="put back the newest journal.sqlite and plan.sqlite, of the same day",
        )


def uid_columns(profile: TargetProfile) -> list[tuple[str, str]]:
    """Table and column of every place where an image's own UID stands."""
    return [
        (rule.table, column)
        for rule in profile.insert
        for column, expression in rule.columns.items()
        if expression.text.strip() == "image.uid"
    ]


def _patients(plan: Plan, profile: TargetProfile, database: TargetDatabase) -> int:
    """How many of the keys are in use that the plan gave to patients who come."""
    rule, keys = profile.keys["patient"], plan.new_keys("patient")
    return sum(1 for _ in database.keys_between(rule.table, rule.column, keys.start, keys.stop - 1))


def _is_made(change: Change, profile: TargetProfile, database: TargetDatabase) -> bool:
    """Whether all rows of who comes stand there; where nobody comes, whether none does of who leaves."""
    if change.comes is not None:
        rows = planned_rows(change.comes, profile)
        return database.found_of(rows).equal == len(rows)
    return change.leaves is not None and not database.found_of(planned_rows(change.leaves, profile)).under_keys
