"""Builds the real world for the engine's commands: the clock, the lock, the ledger, the phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib import import_module

from filelock import FileLock, Timeout

from engine.job import Job
from engine.ledger import Ledger
from engine.run_phase import PhaseFunction
from engine.scratch import keep_scratch_in
from protocol.errors import Refused
from protocol.statements import ProfileDigests
from protocol.vocabulary import Phase, Refusal

LOCK_SECONDS = 5.0  # an engine whose agent was killed notices and leaves within this time


def clock() -> int:
    """UTC seconds."""
    return int(time.time())


def open_ledger(job: Job) -> Ledger:
    """The job's gate ledger. Raises Refused if it is damaged or of another run."""
    ledger = Ledger(job.ledger_path, clock)
    ledger.require_run(job.run_id)
    return ledger


def phase_function(phase: Phase) -> PhaseFunction:
    """The code of a phase, loaded when it is needed: imaging libraries are heavy."""
    function: PhaseFunction = import_module(f"engine.phases.{phase.replace('-', '_')}").run
    return function


def profile_digests(job: Job) -> ProfileDigests:
    load = import_module("engine.profiles.load")
    return ProfileDigests(load.load_source(job.source.profile).digest, load.load_target(job.target.profile).digest)


def admission(job: Job) -> Callable[[Phase], None]:
    """Asked before a phase begins: conversion has its hours. Raises NightOver."""

    def admit(phase: Phase) -> None:
        if phase is Phase.CONVERT:
            night = import_module("engine.running.night")
            night.require_open(night.hours_of(job.run), time.time(), lambda: _left(job))

    return admit


def _left(job: Job) -> str:
    with closing(import_module("engine.plan.reader").Plan(job.plan_path)) as plan:
        return f"{len(plan.changes()):,} patients with {plan.work.images:,} images, less those that are done"


def is_held(job: Job) -> bool:
    """Whether a process works on this job now. One that begins in this very moment waits for the answer."""
    lock = FileLock(job.folder / "job.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written to: nobody works in it
        return False
    lock.release()
    return False


@contextmanager
def held(job: Job) -> Iterator[None]:
    """Holds the job for one process, whose databases then spill into its folder. Raises Refused while another holds it,
    EnvironmentProblem if the folder cannot be written to."""
    lock = FileLock(job.folder / "job.lock", timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise Refused(
            Refusal.JOB_HELD,
            "another bitewing-engine works on this job; this one did nothing",
            next_step="wait for it, or look with bitewing-agent status",
        ) from None
    try:
        keep_scratch_in(job.folder)
        yield
    finally:
        lock.release()
