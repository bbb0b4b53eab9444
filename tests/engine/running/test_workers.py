"""Workers: results in the order of the work, a dead worker loses nothing, and work under way is finished first."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.running.workers import WorkerDied, Workers
from protocol.errors import EnvironmentProblem

pytestmark = pytest.mark.usefixtures("real_workers")

_factor: list[int] = []


def set_up(factor: int) -> None:
    _factor[:] = [factor]


def multiplied(number: int) -> int:
    return number * _factor[0]


def deadly(task: tuple[int, str | None]) -> int:
    """Kills its process if the number is 3: always, or as long as the given file is not there."""
    number, mark = task
    if number == 3 and (mark is None or not Path(mark).exists()):
        if mark is not None:
            Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * _factor[0]


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_of_the_work(count: int) -> None:
    with Workers(count, multiplied, set_up, (3,)) as workers:
        assert list(workers.map(range(20))) == [(number, 3 * number) for number in range(20)]
        assert workers.run(7) == 21


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path, count: int) -> None:
    work = [(number, str(tmp_path / "died")) for number in range(8)]
    with Workers(count, deadly, set_up, (3,)) as workers:
        assert [result for _, result in workers.map(work)] == [3 * number for number in range(8)]


@pytest.mark.parametrize("count", [1, 2])
def test_work_that_kills_every_worker_is_found_and_the_rest_is_done(count: int) -> None:
    with Workers(count, deadly, set_up, (3,)) as workers:
        results = [result for _, result in workers.map([(number, None) for number in range(6)])]
    assert isinstance(results.pop(3), WorkerDied)
    assert results == [0, 3, 6, 12, 15]


def refuse(_: int) -> None:
    raise EnvironmentProblem("the store is not there", where="source", next_step="check job.toml")


def test_what_keeps_a_worker_from_beginning_is_said_and_no_work_is_blamed() -> None:
    with Workers(2, multiplied, refuse, (3,)) as workers:
        with pytest.raises(EnvironmentProblem, match="store is not there"):
            workers.run(7)
        with pytest.raises(EnvironmentProblem, match="store is not there"):
            list(workers.map([1, 2, 3]))


def hears_ctrl_c(_: int) -> bool:
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_never_hears_ctrl_c_and_its_parent_still_does(count: int) -> None:
    with Workers(count, hears_ctrl_c, set_up, (3,)) as workers:
        assert [heard for _, heard in workers.map(range(4))] == [False] * 4
        assert hears_ctrl_c(0)


def process(_: int) -> int:
    return os.getpid()


def test_work_is_never_done_in_this_process_and_workers_start_as_they_are_needed() -> None:
    with Workers(1, process, set_up, (3,)) as alone:
        assert os.getpid() not in {where for _, where in alone.map(range(3))}
    others = set(multiprocessing.active_children())
    with Workers(2, process, set_up, (3,)) as workers:
        assert set(multiprocessing.active_children()) == others
        workers.run(0)
        assert len(set(multiprocessing.active_children()) - others) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_when_taking_work_fails_everything_under_way_is_handed_out_first(count: int) -> None:
    def work() -> Iterator[int]:
        yield 1
        yield 2
        raise RuntimeError("stopped")

    found = []
    with Workers(count, multiplied, set_up, (3,)) as workers, pytest.raises(RuntimeError, match="stopped"):
        for _, result in workers.map(work()):
            found.append(result)
    assert found == [3, 6]


def test_work_is_taken_only_as_workers_get_free() -> None:
    taken: list[int] = []

    def work() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with Workers(1, multiplied, set_up, (3,)) as workers:
        results = workers.map(work())
        next(results)
        assert taken == [0]
