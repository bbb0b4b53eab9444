"""What each conversion of a run changed, for the practice's certificate."""

from __future__ import annotations

from contextlib import closing

from engine.job import Job
from engine.ledger import Ledger
from engine.plan.digests import blinded
from engine.plan.reader import Plan
from engine.plan.values import Round
from protocol.vocabulary import Gate


def nights(job: Job, ledger: Ledger) -> tuple[Round, ...]:
    """Up to the newest conversion that is done; nothing while the plan is not the one that it followed."""
    converted = ledger.state().evidence(Gate.CONVERTED)
    if converted is None or not job.plan_path.exists():
        return ()
    with closing(Plan(job.plan_path)) as plan:
        return plan.rounds if blinded(plan.digest, job.digest_key) == converted.evidence.plan else ()
