"""Workers: results in the order of the work, a dead worker loses nothing, and work under way is finished first."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.workers import WorkerDied, Workers

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


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    work = [(number, str(tmp_path / "died")) for number in range(8)]
    with Workers(2, deadly, set_up, (3,)) as workers:
        assert [result for _, result in workers.map(work)] == [3 * number for number in range(8)]


def test_work_that_kills_every_worker_is_found_and_the_rest_is_done() -> None:
    with Workers(2, deadly, set_up, (3,)) as workers:
        results = [result for _, result in workers.map([(number, None) for number in range(6)])]
    assert isinstance(results.pop(3), WorkerDied)
    assert results == [0, 3, 6, 12, 15]


def hears_ctrl_c(_: int) -> bool:
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_worker_never_hears_ctrl_c_and_its_parent_still_does() -> None:
    with Workers(2, hears_ctrl_c, set_up, (3,)) as workers:
        assert [heard for _, heard in workers.map(range(4))] == [False] * 4
        assert hears_ctrl_c(0)
    with Workers(1, hears_ctrl_c, set_up, (3,)) as alone:
        assert alone.run(0) is True, "this process itself stays stoppable"


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
