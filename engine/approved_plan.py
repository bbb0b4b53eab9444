"""The plan that is followed is the plan that was approved, whatever happened to plan.sqlite in between."""

from __future__ import annotations

from contextlib import closing

from engine.job import Job
from engine.ledger import Ledger
from engine.plan.digests import blinded
from engine.plan.reader import Plan
from protocol.errors import Refused
from protocol.vocabulary import Gate, Refusal


def require_approved_plan(job: Job, ledger: Ledger) -> None:
    """Returns if plan.sqlite is whole and is the one the newest DRY_RUN evidence names. Raises Refused."""
    what = "this is not the plan that was approved; nothing was written"
    _require(job, ledger, what, "run dry-run again and have it approved")


def require_newest_plan(job: Job, ledger: Ledger) -> None:
    """The same where nothing will be written, and nobody need have approved. Raises Refused."""
    what = "this is not the plan of the newest dry run, or the source was staged again since"
    _require(job, ledger, what, "run dry-run again")


def _require(job: Job, ledger: Ledger, what: str, next_step: str) -> None:
    newest = ledger.state().evidence(Gate.DRY_RUN)
    with closing(Plan(job.plan_path)) as plan:
        plan.require_untouched()
        if newest is None or newest.evidence.plan != blinded(plan.digest, job.digest_key):
            raise Refused(Refusal.EVIDENCE_NOT_NEWEST, what, where=job.plan_path.name, next_step=next_step)
