"""What may be staged and planned now: a run's first plan, or a top-up of what an earlier one put into the target."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from engine.job import Job
from engine.journal import Recorded, State, recorded
from engine.plan.reader import Plan
from engine.plan.writer import Base
from engine.profiles.schema import TargetProfile
from engine.target.database import TargetDatabase
from engine.target.unknown import unknown
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import Refusal


def base_of(job: Job, target_profile: str) -> Base | None:
    """What the target holds of this run, or None before the first patient was tried.

    `target_profile` is the digest of the profile that would be planned with. Raises Refused where no plan may be made:
    what the target holds is not settled or not known.
    """
    known = recorded(job.journal_path)
    if known.plan is None:
        return None
    if not job.plan_path.exists():
        raise _refused("the plan that the journal follows is not there", job.plan_path)
    with closing(Plan(job.plan_path)) as plan:
        base = following(plan, known, job.plan_path)
    if base.target_profile != target_profile:
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            "the target profile is not the one with which the target was written",
            where=job.plan_path.name,
            next_step="put that profile back; a target of another form needs a new job",
        )
    return base


def following(plan: Plan, known: Recorded, path: Path) -> Base:
    """The base of the plan that may follow `plan`, by what the journal knows. Raises Refused.

    A plan of which some change was tried is followed by a new one, in which whoever is not carried over comes as new. A
    plan of which none was tried is replaced: what it builds on is what the target holds.
    """
    header, begun = plan.header, known.plan == plan.digest
    builds_on = plan.digest if begun else header.previous
    if builds_on is None or known.plan != builds_on:
        raise _refused("the journal belongs to another plan", path)
    _refuse_cut_short(plan, known, "dry-run")
    unmade = frozenset(number for number in plan.changes() if known.states.get(number) is not State.DONE)
    return Base(
        path=path,
        digest=builds_on,
        unmade=unmade,
        target_profile=header.target_profile,
        first=plan.last_number + 1 if begun else header.first,
        handed_out=plan.last_keys if begun else header.handed_out,
        rounds=(*plan.rounds[:-1], plan.round_made(unmade)) if begun else plan.rounds[:-1],
        files=plan.files_held(unmade),
    )


def require_settled(job: Job) -> None:
    """Returns unless a conversion was cut short within a patient. Raises Refused: nobody may close the road behind it.

    Evidence of another backup voids the approvals on which convert settles such a patient.
    """
    known = recorded(job.journal_path)
    if known.plan is None or not job.plan_path.exists():
        return
    with closing(Plan(job.plan_path)) as plan:
        _refuse_cut_short(plan, known, "stage")


def require_known(job: Job, profile: TargetProfile, database: TargetDatabase) -> None:
    """Returns unless the target holds patients of the plan that the journal does not know of: a new plan would bring
    them a second time, and the old one is what tells them. Raises Refused, and Failure if the target cannot be asked.
    """
    if not job.plan_path.exists() or database.drift():
        return
    with suppress(EnvironmentProblem), closing(Plan(job.plan_path)) as plan:
        is_ours = (plan.header.run, plan.header.target_profile) == (job.run_id, profile.digest)
        if is_ours and any(unknown(plan, recorded(job.journal_path).states, profile, database)):
            raise Refused(
                Refusal.EVIDENCE_NOT_NEWEST,
                "the target holds patients of the plan that the journal does not know of: it was lost, or put back from"
                " an older day",
                where=job.journal_path.name,
                next_step="run settle, which finds them by what stands in the target, or put back the newest journal;"
                " then dry-run",
            )


def _refused(what: str, path: Path) -> Refused:
    advice = "put back journal.sqlite and plan.sqlite, both of the newest day; only an emptied target needs neither"
    return Refused(Refusal.EVIDENCE_NOT_NEWEST, what, where=path.name, next_step=advice)


def _refuse_cut_short(plan: Plan, known: Recorded, verb: str) -> None:
    left = sum(known.states.get(number) is State.INTENT for number in plan.changes())
    if left:
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            f"a conversion was cut short, and how it ended is not settled for {left} of its patients",
            where="journal.sqlite",
            next_step=f"run convert, which settles them, or settle, which needs no open gate; then {verb}",
        )
