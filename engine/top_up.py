"""What may be staged and planned now: a run's first plan, or a top-up of what an earlier one put into the target."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from engine.job import Job
from engine.journal import Recorded, State, recorded
from engine.plan import Plan
from engine.plan_writer import Base
from protocol.errors import Refused
from protocol.vocabulary import Refusal


def base_of(job: Job, target_profile: str) -> Base | None:
    """What the target holds of this run, or None before the first patient was tried.

    `target_profile` is the digest of the profile that would be planned with. Raises Refused where no plan may be made:
    a conversion is under way, or what the target holds is not known.
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

    A plan whose changes are all made is followed by a new one. A plan of which none was tried is replaced: what it
    builds on is what the target holds.
    """
    header = plan.header
    if known.plan == plan.digest:
        _refuse_unfinished(plan, known, "finish it with convert; then dry-run plans what changed since")
        return Base(
            path=path,
            digest=plan.digest,
            settled=True,
            target_profile=header.target_profile,
            first=plan.last_number + 1,
            handed_out=plan.last_keys,
            rounds=plan.rounds,
            files=plan.totals.images,
        )
    if header.previous is not None and known.plan == header.previous:
        return Base(
            path=path,
            digest=header.previous,
            settled=False,
            target_profile=header.target_profile,
            first=header.first,
            handed_out=header.handed_out,
            rounds=plan.rounds[:-1],
            files=plan.files_before(),
        )
    raise _refused("the journal belongs to another plan", path)


def require_finished(job: Job) -> None:
    """Returns unless a conversion has begun and is not done. Raises Refused: nobody may close the road behind it.

    Evidence of another backup voids the approvals on which the conversion goes on, and no plan may be made while it is
    unfinished.
    """
    known = recorded(job.journal_path)
    if known.plan is None or not job.plan_path.exists():
        return
    with closing(Plan(job.plan_path)) as plan:
        if known.plan == plan.digest:
            _refuse_unfinished(plan, known, "finish it with convert; then stage")


def _refused(what: str, path: Path) -> Refused:
    advice = "restore the journal and the plan that belong together, or begin a new job"
    return Refused(Refusal.EVIDENCE_NOT_NEWEST, what, where=path.name, next_step=advice)


def _refuse_unfinished(plan: Plan, known: Recorded, advice: str) -> None:
    left = sum(known.states.get(number) is not State.DONE for number in plan.changes())
    if left:
        raise Refused(
            Refusal.EVIDENCE_NOT_NEWEST,
            f"the conversion of this run's plan has begun, its keys are in use, and {left} patients are not done",
            where="journal.sqlite",
            next_step=advice,
        )
