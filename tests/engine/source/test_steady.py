"""A file that cannot be used is read twice, and only two reads that agree are believed."""

from __future__ import annotations

import pytest

from engine.source.steady import PAUSE_SECONDS, SteadyStore
from engine.source.store import StoreProblem
from protocol.vocabulary import FindingCode
from tests.engine.source.disk import Disk


def steady(*answers: bytes | FindingCode) -> tuple[SteadyStore, Disk, list[float]]:
    disk, pauses = Disk(*answers), list[float]()
    return SteadyStore(disk, pauses.append), disk, pauses  # type: ignore[arg-type]


UNREADABLE, EMPTY, MISSING = FindingCode.UNREADABLE_FILE, FindingCode.EMPTY_FILE, FindingCode.MISSING_FILE


def test_a_good_file_is_read_once() -> None:
    store, disk, pauses = steady(b"whole")
    assert store.open_read("a") == b"whole"
    assert pauses == [] and disk.answers == []


@pytest.mark.parametrize("code", [UNREADABLE, EMPTY])
def test_what_fails_twice_is_what_it_says(code: FindingCode) -> None:
    store, _, pauses = steady(code, code)
    with pytest.raises(StoreProblem) as problem:
        store.open_read("a")
    assert problem.value.code is code
    assert pauses == [PAUSE_SECONDS]


@pytest.mark.parametrize("code", [UNREADABLE, EMPTY])
def test_what_fails_once_is_transient_and_not_taken(code: FindingCode) -> None:
    with pytest.raises(StoreProblem) as problem:
        steady(code, b"whole")[0].open_read("a")
    assert problem.value.code is FindingCode.TRANSIENT_READ


def test_a_missing_file_is_not_waited_for() -> None:
    store, _, pauses = steady(MISSING)
    with pytest.raises(StoreProblem) as problem:
        store.open_read("a")
    assert (problem.value.code, pauses) == (MISSING, [])


@pytest.mark.parametrize("second", [b"other", UNREADABLE])
def test_a_second_read_that_disagrees_is_transient(second: bytes | FindingCode) -> None:
    with pytest.raises(StoreProblem) as problem:
        steady(second)[0].confirm("a", b"first")
    assert problem.value.code is FindingCode.TRANSIENT_READ


def test_a_second_read_that_agrees_confirms() -> None:
    steady(b"first")[0].confirm("a", b"first")
