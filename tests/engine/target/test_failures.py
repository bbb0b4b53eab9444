"""Why an attempt failed: in words, at which disk, with what to do, also after a worker process passed it on."""

from __future__ import annotations

import errno
import os
import pickle

from engine.target.failures import Failure, Kind, explained

WHERE = "target's store D:\\DEXIS10 (target.store in job.toml)"


def full() -> Failure:
    return explained(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "D:\\DEXIS10\\Smith"), WHERE)


def test_a_failure_says_where_what_and_what_to_do_and_no_path() -> None:
    ends = full().ends("run convert again; it resumes")
    assert str(ends) == f"{WHERE}: the disk is full\nNext: make room on that disk; then run convert again; it resumes"
    assert full().kind is Kind.ENVIRONMENT and full().told == f"{WHERE}: the disk is full"


def test_it_says_the_same_on_the_other_side_of_a_process() -> None:
    passed: Failure = pickle.loads(pickle.dumps(full()))  # noqa: S301 - our own bytes
    assert (passed.kind, passed.told, passed.next_step) == (full().kind, full().told, full().next_step)


def test_short_memory_is_no_defect_and_no_damaged_file() -> None:
    assert explained(MemoryError(), WHERE).kind is Kind.TRANSIENT
    assert "short of memory" in explained(MemoryError(), WHERE).told
